import { once } from "node:events";
import { expect } from "chai";
import session from "express-session";
import SockJS from "sockjs-client";
import { closing, SocketHost } from "../../support/socket-host.js";

/** What a browser does, with sockjs-client as it is served to browsers. */
describe("sockjs-client", () => {
  for (const transport of ["websocket", "xhr-streaming", "xhr-polling", "eventsource"]) {
    describe(`when it speaks ${transport}`, () => {
      let host: SocketHost;
      let client: WebSocket;
      const messages: string[] = [];

      beforeEach(async () => {
        host = new SocketHost();
        host.app.use(session({ secret: "s", resave: false, saveUninitialized: true }));
        host.endpoint({ sockJS: { streamBytesLimit: 4096 } });
        const port = await host.listen();
        messages.length = 0;
        client = new SockJS(`http://127.0.0.1:${port}/ws`, null, { transports: [transport] });
        client.onmessage = ({ data }) => void messages.push(data as string);
        await new Promise((resolve) => {
          client.onopen = resolve;
        });
      });

      afterEach(async () => {
        client.close();
        await host.close();
      });

      it("exchanges messages in order, long and odd ones too", async () => {
        const sent = Array.from({ length: 50 }, (_, i) => `${i} 한글 😀 \u0000 \u2028 ${"x".repeat(i * 20)}`);
        const all = sent.join("");
        const done = new Promise<void>((resolve) => {
          client.onmessage = ({ data }) => {
            messages.push(data as string);
            if (messages.join("").length === all.length) resolve();
          };
        });
        for (const text of sent) client.send(text);
        await done;

        expect(messages.join("")).to.equal(all);
        expect((await host.nth(0)).socket.transport).to.equal(transport);
      });

      it("hears why the server closes", async () => {
        const closed = new Promise<{ code: number; reason: string }>((resolve) => {
          client.onclose = resolve;
        });
        const opened = await host.nth(0);
        opened.socket.close(4500, "too slow");

        expect(await closed).to.include({ code: 4500, reason: "too slow" });
        expect(await closing(opened)).to.deep.equal({ code: 4500, reason: "too slow" });
      });

      it("is heard when it closes", async () => {
        const opened = await host.nth(0);
        client.close();
        await (opened.closings.length > 0 || once(opened.events, "close"));
        expect(opened.closings).to.have.length(1);
      });
    });
  }
});
