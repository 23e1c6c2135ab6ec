import { expect } from "chai";
import { NO_PAYLOAD } from "#lib/message/message.js";
import { StompDecoder } from "#lib/stomp/decoder.js";
import type { Frame } from "#lib/stomp/frame.js";
import { decodeAll, drip, HELLO, HELLO_FRAME, only, plain, refusal } from "../support/decoding.js";
import { wire } from "../support/wire.js";

describe("StompDecoder", () => {
  describe("when bytes come in slices", () => {
    it("hands over every frame of a chunk, in order", () => {
      const { frames } = decodeAll([Buffer.concat([HELLO, HELLO, wire`${"\n\r\n\n"}`, HELLO])]);
      expect(frames).to.deep.equal([HELLO_FRAME, HELLO_FRAME, HELLO_FRAME]);
    });

    it("hands over a frame with its NUL, not with what follows", () => {
      const decoder = new StompDecoder();
      const frames: Frame[] = [];
      decoder.decode(HELLO.subarray(0, -1), (frame) => frames.push(frame));
      expect(frames).to.have.length(0);
      decoder.decode(HELLO.subarray(-1), (frame) => frames.push(frame));
      expect(frames.map(plain)).to.deep.equal([HELLO_FRAME]);
    });

    it("waits when the NUL is missing, and when content-length promises more", () => {
      expect(decodeAll([HELLO.subarray(0, -1)])).to.deep.equal({ frames: [], error: undefined });
      const short = wire`
        SEND
        content-length:9

        hello^@
      `;
      expect(decodeAll([short])).to.deep.equal({ frames: [], error: undefined });
    });

    it("reads a character whose octets are apart", () => {
      const bytes = wire`
        SEND
        who:김😀

        김😀^@
      `;
      const { frames } = decodeAll(drip(bytes));
      expect(frames[0]?.headers).to.deep.equal([["who", "김😀"]]);
      expect(Buffer.from(frames[0]!.body, "latin1").toString()).to.equal("김😀");
    });

    it("takes a plain Uint8Array that is a part of its buffer", () => {
      const buffer = new Uint8Array([1, 2, ...HELLO, 3]);
      expect(only(buffer.subarray(2, -1))).to.deep.equal(HELLO_FRAME);
    });

    it("leaves a body that lies in one chunk where it is", () => {
      const bodies: Uint8Array[] = [];
      const bytes = Buffer.from(HELLO);
      new StompDecoder().decode(bytes, (frame) => bodies.push(frame.body));
      expect(bodies[0]?.buffer).to.equal(bytes.buffer);
    });

    it("keeps no chunk for an empty body", () => {
      const bodies: Uint8Array[] = [];
      new StompDecoder().decode(
        wire`
        DISCONNECT

        ^@
      `,
        (frame) => bodies.push(frame.body),
      );
      expect(bodies[0]).to.equal(NO_PAYLOAD);
    });

    it("does not hold on to the chunks of an unfinished body", () => {
      const decoder = new StompDecoder();
      const bodies: Uint8Array[] = [];
      const chunks = drip(HELLO);
      for (const chunk of chunks) {
        decoder.decode(chunk, (frame) => bodies.push(frame.body));
        chunk.fill(0);
      }
      expect(Buffer.from(bodies[0]!).toString()).to.equal("hello");
    });

    it("takes a drip of single octets in linear time", function () {
      // It takes a second; were the body copied with each octet, it would be minutes.
      this.timeout(60_000);
      const body = Buffer.alloc(1_000_000, "x");
      const bytes = Buffer.concat([wire`SEND${"\n\n"}`, body, wire`^@`]);
      const { frames } = decodeAll(drip(bytes), { messageSizeLimit: 2_000_000 });
      expect(frames[0]?.body).to.have.length(1_000_000);
    });
  });

  describe("when EOLs stand between frames", () => {
    it("skips LF and CRLF, before, between and after", () => {
      expect(
        decodeAll([wire`${"\n\r\n"}`, HELLO, wire`${"\n\n"}`, HELLO, wire`${"\r\n"}`]).frames,
      ).to.have.length(2);
    });

    it("skips a CRLF that is apart", () => {
      expect(decodeAll([HELLO, wire`^M`, wire`${"\n"}`, HELLO]).frames).to.have.length(2);
    });

    it("bears a flood of LFs", () => {
      const decoder = new StompDecoder({ messageSizeLimit: 100 });
      const flood = Buffer.alloc(1_000_000, "\n");
      const frames: Frame[] = [];
      for (let i = 0; i < 10; i++) decoder.decode(flood, (frame) => frames.push(frame));
      decoder.decode(HELLO, (frame) => frames.push(frame));
      expect(frames.map(plain)).to.deep.equal([HELLO_FRAME]);
    });

    it("refuses a CR alone", () => {
      expect(refusal(wire`^M^M`).message).to.match(/CR without LF/);
      expect(refusal(wire`^MSEND`).message).to.match(/CR without LF/);
    });
  });

  describe("when lines end in CRLF", () => {
    it("takes CRLF, LF and both mixed in every version", () => {
      for (const version of ["1.0", "1.1", "1.2"] as const) {
        const bytes = wire`
          SEND^M
          destination:/a
          x:y^M
          ^M
          hello^@
        `;
        const frame = {
          command: "SEND",
          headers: [
            ["destination", "/a"],
            ["x", "y"],
          ],
          body: "hello",
        };
        expect(only(bytes, { version })).to.deep.equal(frame);
        expect(decodeAll(drip(bytes), { version }).frames).to.deep.equal([frame]);
      }
    });

    it("refuses a CR alone in a header line and in a command", () => {
      expect(
        refusal(wire`
        SEND
        a:b^Mc

        ^@
      `).message,
      ).to.match(/CR without LF/);
      expect(refusal(wire`SE^MND`).message).to.match(/CR without LF/);
      expect(
        refusal(wire`
        SEND
        a:b^M^M
      `).message,
      ).to.match(/CR without LF/);
    });

    it("leaves the line ends of a body alone", () => {
      expect(
        only(wire`
        SEND

        ^M
        ^M^@
      `).body,
      ).to.equal("\r\n\r");
    });
  });

  describe("when the command is read", () => {
    for (const command of [
      "send",
      "Send",
      "SENT",
      "SEND ",
      " SEND",
      "__proto__",
      "constructor",
      "GET / HTTP/1.1",
    ]) {
      it(`refuses "${command}"`, () => {
        expect(refusal(wire`${command}${"\n\n"}^@`).message).to.equal(`Unknown command: ${command}`);
      });
    }

    it("refuses what is no command before its headers have come", () => {
      expect(refusal(wire`GET /stomp HTTP/1.1^M${"\n"}`).message).to.match(/Unknown command/);
    });

    for (const command of ["MESSAGE", "CONNECTED", "RECEIPT", "ERROR"]) {
      it(`refuses ${command} from a client, and takes it from a server`, () => {
        const bytes = wire`${command}${"\n\n"}^@`;
        expect(refusal(bytes).message).to.equal(`${command} is sent by the server only`);
        expect(only(bytes, { accepts: "server" }).command).to.equal(command);
      });
    }

    it("refuses SEND from a server", () => {
      expect(decodeAll([HELLO], { accepts: "server" }).error?.message).to.equal(
        "SEND is sent by the client only",
      );
    });

    it("refuses a byte order mark, and says so", () => {
      expect(refusal(wire`${"\ufeff"}SEND${"\n\n"}^@`).message).to.match(/Byte order mark/);
    });

    it("refuses TLS and other binary", () => {
      expect(refusal(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])).message).to.match(
        /NUL before the blank line/,
      );
      expect(refusal(Buffer.alloc(40, 0xff)).message).to.match(/commandLimit/);
    });

    it("takes what follows a body's NUL for a command", () => {
      const { frames, error } = decodeAll([HELLO, wire`world^@`]);
      expect(frames).to.deep.equal([HELLO_FRAME]);
      expect(error?.message).to.match(/NUL before/);
    });
  });

  describe("when the session sets the version", () => {
    const connect = wire`
      CONNECT
      accept-version:1.1
      login:a\nb

      ^@
    `;
    const send = wire`
      SEND
      a:x\ny\cz

      ^@
    `;

    it("decodes the next frame of the same chunk with it", () => {
      const decoder = new StompDecoder();
      const values: (string | undefined)[] = [];
      decoder.decode(Buffer.concat([connect, send]), (frame) => {
        values.push(frame.headers.get("a"));
        decoder.version = "1.1";
      });
      expect(values).to.deep.equal([undefined, "x\ny:z"]);
    });

    it("reads no escapes before", () => {
      const values: (string | undefined)[] = [];
      new StompDecoder().decode(send, (frame) => values.push(frame.headers.get("a")));
      expect(values).to.deep.equal(["x\\ny\\cz"]);
    });

    for (const command of ["CONNECT", "STOMP", "CONNECTED"]) {
      it(`takes ${command} verbatim in every version`, () => {
        const bytes = wire`${command}${"\n"}passcode:a\b\\c\n:d${"\n\n"}^@`;
        for (const version of ["1.0", "1.1", "1.2"] as const) {
          const accepts = command === "CONNECTED" ? "server" : "client";
          expect(only(bytes, { version, accepts }).headers).to.deep.equal([["passcode", "a\\b\\\\c\\n:d"]]);
        }
      });
    }
  });

  describe("when it has thrown", () => {
    it("ignores all that follows", () => {
      const decoder = new StompDecoder();
      const frames: Frame[] = [];
      expect(() => decoder.decode(wire`JUNK${"\n"}`, (frame) => frames.push(frame))).to.throw();
      decoder.decode(HELLO, (frame) => frames.push(frame));
      expect(frames).to.deep.equal([]);
    });

    it("does so too when the listener threw", () => {
      const decoder = new StompDecoder();
      const frames: Frame[] = [];
      const fault = new Error("of the listener");
      expect(() =>
        decoder.decode(HELLO, () => {
          throw fault;
        }),
      ).to.throw(fault);
      decoder.decode(HELLO, (frame) => frames.push(frame));
      expect(frames).to.deep.equal([]);
    });
  });
});
