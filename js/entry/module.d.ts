/** The module's bytes: the bundler puts them into the code as base64. */
declare module "*.wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
