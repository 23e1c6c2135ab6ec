import { expect } from "chai";
import {
  type ChannelInterceptor,
  Controller,
  type Message,
  MessageMapping,
  Payload,
  simpleBroker,
  type VerifiedToken,
} from "express-stomp";
import { inMs, TokenStage } from "../support/token-stage.js";

describe("bearerToken", () => {
  const stage = new TokenStage();

  afterEach(() => stage.close());

  describe("when a token is renewed", () => {
    const renewal = { destination: "/app/token", ahead: 60_000 };

    it("asks for it at a destination of its own, until it comes, and the session goes on", async () => {
      await stage.start({ renewal });
      const exp = inMs(1500);
      const client = await stage.subscribed(`rod.${exp}`, "/user/queue/token");
      const other = await stage.subscribed("ann", "/user/queue/token");
      expect(await client.frame()).to.match(
        /^MESSAGE\n(?:.+\n)*destination:\/user\/queue\/token\n(?:.+\n)*\n\{"expiresIn":[01]\}\^@$/,
      );

      client.send(`SEND\ndestination:/app/token\nAuthorization:Bearer rod.${inMs(600_000)}\nreceipt:1\n\n^@`);
      let answer = await client.frame();
      while (answer.startsWith("MESSAGE")) answer = await client.frame();
      expect(answer).to.equal("RECEIPT\nreceipt-id:1\n\n^@");

      // What would have ended the session ends another one now.
      const shortLived = await stage.connect(`cho.${exp}`);
      while (!(await shortLived.frame()).startsWith("ERROR"));
      expect(await client.synchronize()).to.deep.equal([]);
      expect(await other.synchronize()).to.deep.equal([]);
    });

    it("asks again a session that had not subscribed when it was asked", async () => {
      await stage.start({ renewal });
      const client = await stage.connect(`rod.${inMs(2_500)}`);
      await stage.event("expiring");
      client.send("SUBSCRIBE\nid:1\ndestination:/user/queue/token\n\n^@");
      expect(await client.frame()).to.match(/\{"expiresIn":[01]\}\^@$/);
    });

    it("asks where it is told to, and so long before", async () => {
      await stage.start({ renewal: { ...renewal, ahead: 600_000, noticeDestination: "/queue/renew" } });
      const asked = await stage.subscribed(`rod.${inMs(590_000)}`, "/user/queue/renew");
      expect(await asked.frame()).to.match(
        /destination:\/user\/queue\/renew\n[\s\S]*\{"expiresIn":5[89]\d\}/,
      );
    });

    it("takes over the user of the new token, with other rights", async () => {
      const users: unknown[] = [];
      const looking: ChannelInterceptor = {
        preSend(message: Message) {
          if (message.headers.messageType === "UNSUBSCRIBE") users.push(message.headers.user);
          return message;
        },
      };
      await stage.start(
        {
          renewal,
          verify: (token) => ({ user: { name: "rod", roles: [token] }, exp: inMs(600_000) }) as VerifiedToken,
        },
        { interceptors: [looking] },
      );
      const client = await stage.connect("admin");
      await client.synchronize();
      client.send("SEND\ndestination:/app/token\nAuthorization:Bearer guest\n\n^@");
      await client.synchronize();
      expect(users).to.deep.equal([
        { name: "rod", roles: ["admin"] },
        { name: "rod", roles: ["guest"] },
      ]);
    });

    it("shows the token to no subscriber and no controller", async () => {
      const got: unknown[] = [];
      @Controller()
      class Curious {
        @MessageMapping("/token")
        token(@Payload() text: string) {
          got.push(text);
        }
      }
      await stage.start({ renewal }, { broker: simpleBroker(), controllers: [new Curious()] });
      const spy = await stage.subscribed("ann", "/**");
      const client = await stage.connect("rod");
      client.send("SEND\ndestination:/app/token\nAuthorization:Bearer rod\n\nTOKEN^@");
      await client.synchronize();
      expect(await spy.synchronize()).to.deep.equal([]);
      expect(got).to.deep.equal([]);
    });

    const refusals: [what: string, headers: string, message: string][] = [
      ["another's token", "Authorization:Bearer ann\n", "The token is not of the session's user"],
      ["one that has expired", "Authorization:Bearer rod.1\n", "The token has expired"],
      ["none", "", "A bearer token is required"],
    ];
    for (const [what, headers, message] of refusals) {
      it(`refuses ${what}, and the session ends`, async () => {
        await stage.start({ renewal });
        const client = await stage.connect("rod");
        client.send(`SEND\ndestination:/app/token\n${headers}receipt:1\n\n^@`);
        expect(await client.frame()).to.match(new RegExp(`^ERROR\nmessage:${message}\nreceipt-id:1\n`));
        expect(await client.closed()).to.equal(1002);
        for (const user of ["ann", "rod"]) expect(stage.tokens.revoke({ user }), user).to.equal(0);
      });
    }

    it("refuses the token of a session that has no user", async () => {
      await stage.start({ renewal, required: false });
      const client = await stage.connect();
      client.send("SEND\ndestination:/app/token\nAuthorization:Bearer rod\n\n^@");
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token is not of the session's user\n/);
    });

    it("is a SEND as any other without the option", async () => {
      await stage.start();
      const client = await stage.connect(`rod.${inMs(800)}`);
      client.send(`SEND\ndestination:/app/token\nAuthorization:Bearer rod.${inMs(600_000)}\n\n^@`);
      expect(await client.frame()).to.match(/^ERROR\nmessage:The token has expired\n/);
    });
  });
});
