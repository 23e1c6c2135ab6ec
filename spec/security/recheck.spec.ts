import { expect } from "chai";
import { bearerToken, type ChannelInterceptor, type Principal, withHeaders } from "express-stomp";
import type { RawClient } from "../support/raw-client.js";
import { SecurityStage, staffRules } from "../support/security-stage.js";

describe("messaging.recheck", () => {
  const stage = new SecurityStage();

  afterEach(() => stage.close());

  describe("when rights were taken away", () => {
    async function subscribed(name: string, ...destinations: string[]): Promise<RawClient> {
      const client = await stage.connect(name);
      for (const destination of destinations) {
        client.send(`SUBSCRIBE\nid:${destination}\ndestination:${destination}\n\n^@`);
      }
      await client.synchronize();
      return client;
    }

    it("ends what is denied now, tells why, and nothing comes any more", async () => {
      await stage.start(staffRules);
      const ann = await subscribed("ann", "/topic/staff", "/topic/a", "/topic/*");
      stage.people.get("ann")?.roles.clear();

      expect(await stage.server.messaging.recheck({ user: "ann" })).to.equal(2);
      await stage.server.messaging.template.convertAndSend("/topic/staff", "hush");
      await stage.server.messaging.template.convertAndSend("/topic/a", "all");

      const frames = await ann.synchronize();
      expect(
        frames.map((frame) => /\nunsubscribed:(.*)|\n\n(.*)\^@/.exec(String(frame))?.slice(1)),
      ).to.deep.equal([
        ["Access denied\\c SUBSCRIBE /topic/staff", undefined],
        ["Access denied\\c SUBSCRIBE /topic/*", undefined],
        [undefined, "all"],
      ]);
      expect(stage.denials.map(({ rule }) => rule)).to.deep.equal(
        Array(2).fill('3 simpDestMatchers("/topic/staff") hasRole("STAFF")'),
      );
    });

    it("looks at everybody, one user or one session, and says what it is told", async () => {
      await stage.start((messages) =>
        messages
          .simpSubscribeDestMatchers("/topic/*")
          .access((user) => !stage.people.get(user?.name ?? "")?.roles.has("OUT"))
          .anyMessage()
          .permitAll(),
      );
      const ids: string[] = [];
      stage.server.messaging.on("connected", ({ sessionId }) => void ids.push(sessionId));
      const [one, two, rod] = [
        await subscribed("ann", "/topic/a"),
        await subscribed("ann", "/topic/a"),
        await subscribed("rod", "/topic/a"),
      ];
      for (const person of stage.people.values()) person.roles.add("OUT");

      expect(await stage.server.messaging.recheck({ user: "nobody" })).to.equal(0);
      expect(await stage.server.messaging.recheck({ sessionId: ids[0]! }, "You are out")).to.equal(1);
      expect(await one.frame()).to.include("\nunsubscribed:You are out\n");
      expect(await two.synchronize()).to.deep.equal([]);
      expect(await stage.server.messaging.recheck({ user: "ann" })).to.equal(1);
      expect(await rod.synchronize()).to.deep.equal([]);
      expect(await stage.server.messaging.recheck()).to.equal(1);
      expect(await stage.server.messaging.recheck()).to.equal(0);
    });

    it("ends all that is denied, though one client cannot be told, and says so then", async () => {
      const fault = new Error("no room");
      const failing: ChannelInterceptor = {
        preSend(message) {
          if (message.headers.native.has("unsubscribed") && message.headers.destination === "/topic/staff")
            throw fault;
          return message;
        },
      };
      await stage.start(staffRules, {}, { clientOutboundChannel: { interceptors: [failing] } });
      const ann = await subscribed("ann", "/topic/staff", "/topic/*");
      stage.people.get("ann")?.roles.clear();

      const failure = await stage.server.messaging.recheck({ user: "ann" }).catch((error: unknown) => error);

      expect((failure as Error).cause).to.equal(fault);
      expect(await ann.frame()).to.include("\nunsubscribed:Access denied\\c SUBSCRIBE /topic/*\n");
      expect(stage.server.messaging.userRegistry.findSubscriptions(() => true)).to.deep.equal([]);
    });

    it("lets nothing through that waits for slow interceptors, though it was published before", async () => {
      let arrived: () => void = () => {};
      const waiting = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      let go: () => void = () => {};
      const gone = new Promise<void>((resolve) => {
        go = resolve;
      });
      const slow: ChannelInterceptor = {
        async preSend(message) {
          if (message.headers.messageType === "MESSAGE") {
            arrived();
            await gone;
          }
          return withHeaders(message, { contentType: "text/plain" });
        },
      };
      await stage.start(staffRules, {}, { clientOutboundChannel: { interceptors: [slow] } });
      const ann = await subscribed("ann", "/topic/staff", "/topic/a");
      await stage.server.messaging.template.convertAndSend("/topic/staff", "hush");
      await stage.server.messaging.template.convertAndSend("/topic/a", "all");
      await waiting;
      stage.people.get("ann")?.roles.clear();

      const told = stage.server.messaging.recheck({ user: "ann" });
      go();

      expect(await told).to.equal(1);
      expect(await ann.frame()).to.include("\n\nall^@");
      expect(await ann.frame()).to.include("\nunsubscribed:Access denied\\c SUBSCRIBE /topic/staff\n");
    });

    it("asks for the rights of 64 at a time", async () => {
      let asked = 0;
      let most = 0;
      const answers: (() => void)[] = [];
      let holds = false;
      const authoritiesOf = async (user: Principal) => {
        most = Math.max(most, ++asked);
        if (holds) await new Promise<void>((resolve) => answers.push(resolve));
        asked--;
        return user.name === "ann" ? ["ROLE_STAFF"] : [];
      };
      await stage.start(
        (messages) =>
          messages.simpSubscribeDestMatchers("/topic/staff/*").hasRole("STAFF").anyMessage().permitAll(),
        { authoritiesOf },
      );
      await subscribed("ann", ...Array.from({ length: 100 }, (_, i) => `/topic/staff/${i}`));
      [holds, most] = [true, 0];

      const ended = stage.server.messaging.recheck();
      for (let answered = 0; answered < 100; answered++) {
        while (answers.length === 0) await new Promise(setImmediate);
        expect(asked).to.equal(Math.min(64, 100 - answered));
        answers.shift()?.();
        await new Promise(setImmediate);
      }

      expect(await ended).to.equal(0);
      expect(most).to.equal(64);
    });

    it("ends what is denied at once, whoever else's rights take their time, or cannot be told", async () => {
      let told: () => void = () => {};
      const telling = new Promise<void>((resolve) => {
        told = resolve;
      });
      const hanging: ChannelInterceptor = {
        preSend: (message) =>
          message.headers.native.has("unsubscribed") ? telling.then(() => message) : message,
      };
      let answer: () => void = () => {};
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      let checks = false;
      await stage.start(
        (messages) =>
          messages
            .simpSubscribeDestMatchers("/topic/staff")
            .access(async (user) => {
              if (checks && user?.name === "rod") await answered;
              return !checks;
            })
            .anyMessage()
            .permitAll(),
        {},
        { clientOutboundChannel: { interceptors: [hanging] } },
      );
      const [ann, rod] = [await subscribed("ann", "/topic/staff"), await subscribed("rod", "/topic/staff")];
      checks = true;

      const ended = stage.server.messaging.recheck();
      await new Promise(setImmediate);
      const { userRegistry, template } = stage.server.messaging;
      expect(
        userRegistry.findSubscriptions(() => true).map(({ session }) => session.user.name),
      ).to.deep.equal(["rod"]);
      await template.convertAndSend("/topic/staff", "hush");
      expect(await rod.frame()).to.include("\n\nhush^@");
      answer();
      told();

      expect(await ended).to.equal(2);
      expect(await ann.frame()).to.include("\nunsubscribed:");
      expect(await rod.frame()).to.include("\nunsubscribed:");
    });

    it("judges a subscription that waits for its judgement by the new rights", async () => {
      let ask: () => void = () => {};
      const asked = new Promise<void>((resolve) => {
        ask = resolve;
      });
      let answer: () => void = () => {};
      const answered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      await stage.start((messages) =>
        messages
          .simpSubscribeDestMatchers("/topic/*")
          .access(async () => {
            const allowed = stage.people.get("ann")?.roles.has("STAFF") === true;
            ask();
            await answered;
            return allowed;
          })
          .anyMessage()
          .permitAll(),
      );
      const ann = await stage.connect("ann");
      ann.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await asked;
      stage.people.get("ann")?.roles.clear();

      expect(await stage.server.messaging.recheck({ user: "ann" })).to.equal(0);
      answer();

      expect(await ann.frame()).to.include("ERROR\nmessage:Access denied\\c SUBSCRIBE /topic/a\n");
    });

    it("judges each session by the user it has now, not by another session's of that name", async () => {
      const grown: ChannelInterceptor = {
        preSend: (message) =>
          message.headers.messageType === "CONNECT" && message.headers.native.has("staff")
            ? withHeaders(message, { user: { name: "rod", roles: ["STAFF"] } as Principal })
            : message,
      };
      await stage.start(staffRules, {}, { clientInboundChannel: { interceptors: [grown] } });
      await stage.connect("rod");
      const staff = await stage.connect("rod", "staff:yes\n");
      staff.send("SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@");
      await staff.synchronize();

      expect(await stage.server.messaging.recheck({ user: "rod" })).to.equal(0);
    });

    it("judges a session anew whose token was renewed, which rules let pass as what has no destination", async () => {
      const tokens = bearerToken({
        verify: (token) => ({
          user: { name: "rod", roles: token === "staff" ? ["STAFF"] : [] } as Principal,
          exp: Date.now() / 1000 + 600,
        }),
        renewal: { destination: "/app/token" },
      });
      await stage.start(staffRules, {}, { clientInboundChannel: { interceptors: [tokens] } });
      const [one, other] = [
        await stage.connect(undefined, "Authorization:Bearer staff\n"),
        await stage.connect(undefined, "Authorization:Bearer staff\n"),
      ];
      for (const client of [one, other]) {
        client.send(
          "SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@SUBSCRIBE\nid:2\ndestination:/topic/a\n\n^@",
        );
        await client.synchronize();
      }

      one.send("SEND\ndestination:/app/token\nAuthorization:Bearer plain\nreceipt:r\n\n^@");

      expect(await one.frame()).to.include("\nunsubscribed:Access denied\\c SUBSCRIBE /topic/staff\n");
      expect(await one.frame()).to.include("receipt-id:r\n");
      await stage.server.messaging.template.convertAndSend("/topic/staff", "hush");
      expect(await one.synchronize()).to.deep.equal([]);
      expect(await other.frame()).to.include("\n\nhush^@");
    });

    it("has nothing to do without rules", async () => {
      await stage.start(staffRules, {}, { security: undefined as never });
      const rod = await stage.connect("rod");
      rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await rod.synchronize();
      expect(await stage.server.messaging.recheck()).to.equal(0);
    });
  });
});
