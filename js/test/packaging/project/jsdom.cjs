// All builds and the subpaths that Node can require, under jest with the globals of a page as jsdom has
// them: without TextDecoder, TextEncoder and streams.

for (const build of ["wscodec", "wscodec/zlib", "wscodec/slim", "wscodec/shared"]) {
  test(build, () => {
    expect([typeof document, typeof TextDecoder, typeof TransformStream]).toEqual([
      "object",
      "undefined",
      "undefined",
    ]);
    const { MessageDecoder, MessageEncoder } = require(build);
    const encoder = new MessageEncoder({ role: "server" }).text("Grüße 🦀").close(1000, "tschüß");
    const decoder = new MessageDecoder({ role: "client" });
    expect([...decoder.push(encoder.take())]).toEqual([
      { type: "text", data: "Grüße 🦀" },
      { type: "close", code: 1000, reason: "tschüß" },
    ]);
    const faulty = new MessageDecoder({ role: "client" }).push(Uint8Array.of(0x83, 0));
    expect(() => faulty.next()).toThrow(/opcode/);
  });
}

test("a compressed message", () => {
  const { Session } = require("wscodec");
  const [server, client] = ["server", "client"].map((role) => new Session({ role, deflate: {} }));
  const text = "to be or not to be, ".repeat(100);
  expect(client.receive(server.text(text).take()).next().text()).toBe(text);
});

test("the other subpaths can be imported", () => {
  for (const name of ["ring", "streams", "bun"]) expect(require(`wscodec/${name}`)).toBeTruthy();
});

test("a client and a server of wscodec/node", async () => {
  const { connect, createServer } = require("wscodec/node");
  const server = createServer({ message: (ws, data) => ws.send(data) });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const answer = new Promise((resolve) => {
    connect(`ws://127.0.0.1:${server.address().port}/`, {
      open: (ws) => ws.send("Grüße"),
      message(ws, data) {
        ws.close(1000);
        resolve(data);
      },
    });
  });
  expect(await answer).toBe("Grüße");
  await new Promise((resolve) => server.close(resolve));
});
