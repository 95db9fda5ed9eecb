/** The module's bytes: the bundler puts them into the code as base64. */
declare module "*.wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

/** Whether the module's memory is shared; the bundler puts a constant in its place. */
declare const SHARED: boolean;
