// What is measured: the tables, by the file that has their rows.

export const modules = {
  decode: await import("./decode.mjs"),
  encode: await import("./encode.mjs"),
  deflate: await import("./deflate.mjs"),
  handshake: await import("./handshake.mjs"),
};
