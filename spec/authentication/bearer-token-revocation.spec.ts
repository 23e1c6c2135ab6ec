import { expect } from "chai";
import {
  AccessDeniedError,
  type ChannelInterceptor,
  type Message,
  SessionGrant,
  withHeaders,
} from "express-stomp";
import { believe, inMs, TokenStage } from "../support/token-stage.js";

describe("bearerToken", () => {
  const stage = new TokenStage();

  afterEach(() => stage.close());

  describe("when tokens are revoked", () => {
    it("ends the sessions of a user, with the reason given", async () => {
      await stage.start();
      const [one, two, ann] = [
        await stage.connect("rod"),
        await stage.connect("rod"),
        await stage.connect("ann"),
      ];
      expect(stage.tokens.revoke({ user: "rod" }, "You have left the company")).to.equal(2);
      for (const client of [one, two]) {
        expect(await client.frame()).to.match(/^ERROR\nmessage:You have left the company\n/);
        expect(await client.closed()).to.equal(1002);
      }
      expect(await ann.synchronize()).to.deep.equal([]);
    });

    it("ends the session of a token, or of an id", async () => {
      await stage.start();
      const exp = inMs(60_000);
      const one = await stage.connect(`rod.${exp}~a`);
      const connected = stage.event("connected");
      const two = await stage.connect(`rod.${exp}~b`);
      expect(stage.tokens.revoke({ jti: "a" })).to.equal(1);
      expect(await one.frame()).to.match(/^ERROR\nmessage:The token was revoked\n/);
      expect(stage.tokens.revoke({ sessionId: (await connected).sessionId })).to.equal(1);
      expect(await two.frame()).to.match(/^ERROR\nmessage:The token was revoked\n/);
    });

    it("ends no session of tokens without an id for want of one", async () => {
      await stage.start();
      await stage.connect("rod");
      expect(stage.tokens.revoke({ jti: undefined as unknown as string })).to.equal(0);
    });

    it("refuses one that was being verified meanwhile", async () => {
      let verified = () => {};
      let asked = () => {};
      const verifying = new Promise<void>((resolve) => (asked = resolve));
      await stage.start({
        verify: (token) => {
          asked();
          return new Promise((resolve) => (verified = () => resolve(believe(token))));
        },
      });
      const refused = stage.refusal("Authorization:Bearer rod\n");
      await verifying;
      expect(stage.tokens.revoke({ user: "rod" })).to.equal(0);
      verified();
      expect(await refused).to.equal("The token was revoked");
    });

    it("ends a session that was on its way to the broker meanwhile", async () => {
      let verified = () => {};
      const waiting = new Promise<void>((resolve) => (verified = resolve));
      let go = () => {};
      const slow: ChannelInterceptor = {
        async preSend(message: Message) {
          verified();
          await new Promise<void>((resolve) => (go = resolve));
          return message;
        },
      };
      await stage.start({}, { interceptors: [slow] });
      const client = await stage.open();
      client.send("CONNECT\naccept-version:1.2\nhost:spec\nAuthorization:Bearer rod\n\n^@");
      await waiting;
      expect(stage.tokens.revoke({ user: "rod" })).to.equal(1);
      go();
      let frame = await client.frame();
      if (frame.startsWith("CONNECTED")) frame = await client.frame();
      expect(frame).to.match(/^ERROR\nmessage:The token was revoked\n/);
      // Its DISCONNECT waits there too.
      const closed = client.closed();
      const ended = stage.event("disconnect");
      await closed;
      setImmediate(() => go());
      await ended;
    });

    it("knows none of a session that another interceptor gave another grant", async () => {
      const granting: ChannelInterceptor = {
        preSend: (message: Message) =>
          message.headers.messageType === "CONNECT"
            ? withHeaders(message, { grant: new SessionGrant() })
            : message,
      };
      await stage.start({}, { interceptors: [granting] });
      const client = await stage.connect("rod");
      expect(stage.tokens.revoke({ user: "rod" })).to.equal(0);
      expect(await client.synchronize()).to.deep.equal([]);
    });

    it("knows none of a session that the server has just ended", async () => {
      await stage.start();
      await stage.connect("rod");
      expect(stage.server.messaging.disconnect({ user: "rod" })).to.equal(1);
      expect(stage.tokens.revoke({ user: "rod" })).to.equal(0);
    });

    it("knows none of a session that has ended, nor of one that was refused behind it", async () => {
      const refusing: ChannelInterceptor = {
        preSend(message: Message) {
          if (message.headers.user?.name === "evil") throw new AccessDeniedError("No");
          return message.headers.user?.name === "mute" ? null : message;
        },
      };
      await stage.start({}, { interceptors: [refusing] });
      const client = await stage.connect("rod");
      const disconnected = stage.event("disconnect");
      client.cut();
      await disconnected;
      await stage.refusal("Authorization:Bearer evil\n");
      await stage.refusal("Authorization:Bearer mute\n");
      for (const user of ["rod", "evil", "mute"]) expect(stage.tokens.revoke({ user }), user).to.equal(0);
    });
  });
});
