import { expect } from "chai";
import { AccessDeniedError, type ChannelInterceptor, withHeaders } from "express-stomp";
import { SecurityStage, staffRules } from "../support/security-stage.js";

describe("The option security", () => {
  const stage = new SecurityStage();

  afterEach(() => stage.close());

  describe("when a rule denies", () => {
    for (const frame of [
      "SEND\ndestination:/topic/staff\n\nhi^@",
      "SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@",
      "SUBSCRIBE\nid:1\ndestination:/topic/*\n\n^@",
      "SEND\ndestination:/elsewhere\n\nhi^@",
    ]) {
      const [command, destination] = [/^\w+/.exec(frame), /destination:(.*)/.exec(frame)?.[1]];
      it(`answers ${command} ${destination} with an ERROR that says what, and closes`, async () => {
        await stage.start(staffRules);
        const rod = await stage.connect("rod");

        rod.send(frame);

        expect(await rod.frame()).to.equal(
          `ERROR\nmessage:Access denied\\c ${command} ${destination}\nretry:never\ncontent-length:0\n\n^@`,
        );
        expect(await rod.closed()).to.equal(1002);
        expect(
          stage.denials.map(({ user, message }) => [user?.name, message.headers.destination]),
        ).to.deep.equal([["rod", destination]]);
      });
    }

    it("lets the same pass for whom it grants it", async () => {
      await stage.start(staffRules);
      const [ann, rod] = [await stage.connect("ann"), await stage.connect("rod")];
      ann.send("SUBSCRIBE\nid:1\ndestination:/topic/*\n\n^@");
      await ann.synchronize();

      ann.send("SEND\ndestination:/topic/staff\n\nbetween us^@");
      rod.send("SEND\ndestination:/topic/all\n\nto all^@");

      const received = [await ann.frame(), await ann.frame()].map(
        (frame) => /destination:.*/.exec(frame)?.[0],
      );
      expect(received.sort()).to.deep.equal(["destination:/topic/all", "destination:/topic/staff"]);
      expect(stage.denials).to.deep.equal([]);
    });

    it("refuses CONNECT, and nothing that follows passes", async () => {
      await stage.start((messages) => messages.nullDestMatcher().authenticated().anyMessage().permitAll());
      const stranger = await stage.open();
      stranger.send(
        "CONNECT\naccept-version:1.2\nhost:spec\n\n^@SEND\ndestination:/topic/a\nreceipt:1\n\nhi^@",
      );

      expect(await stranger.frame()).to.equal(
        "ERROR\nmessage:Access denied\\c CONNECT\nretry:never\ncontent-length:0\n\n^@",
      );
      expect(await stranger.closed()).to.equal(1002);
      expect(stage.denials.map(({ rule }) => rule)).to.deep.equal(["1 nullDestMatcher() authenticated()"]);
      await (await stage.connect("rod")).synchronize();
    });

    it("judges ACK and BEGIN as what has no destination", async () => {
      await stage.start((messages) =>
        messages.simpTypeMatchers("OTHER").denyAll().nullDestMatcher().permitAll().anyMessage().permitAll(),
      );
      const rod = await stage.connect("rod");
      rod.send("BEGIN\ntransaction:1\n\n^@");
      expect(await rod.frame()).to.include("message:Access denied\\c BEGIN\n");
    });

    it("cannot keep a client from leaving, or a subscription from ending", async () => {
      await stage.start((messages) =>
        messages.simpTypeMatchers("CONNECT").permitAll().nullDestMatcher().denyAll().anyMessage().permitAll(),
      );
      const rod = await stage.connect("rod");
      rod.send("SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@");
      await rod.synchronize();
      rod.send("UNSUBSCRIBE\nid:1\nreceipt:u\n\n^@");
      expect(await rod.frame()).to.include("receipt-id:u\n");

      await stage.server.messaging.template.convertAndSend("/topic/a", "nobody hears it");
      rod.send("DISCONNECT\nreceipt:d\n\n^@");

      expect(await rod.frame()).to.include("receipt-id:d\n");
      expect(await rod.closed()).to.equal(1000);
    });

    it("is asked behind the interceptors, about what they made of a message", async () => {
      const moving: ChannelInterceptor = {
        preSend: (message) =>
          message.headers.destination === "/topic/a"
            ? withHeaders(message, { destination: "/topic/staff" })
            : message,
      };
      await stage.start(staffRules, {}, { clientInboundChannel: { interceptors: [moving] } });
      const rod = await stage.connect("rod");
      rod.send("SEND\ndestination:/topic/a\n\nhi^@");
      expect(await rod.frame()).to.include("message:Access denied\\c SEND /topic/staff\n");
    });

    it("tells the text and the headers of an AccessDeniedError", async () => {
      await stage.start((messages) =>
        messages
          .nullDestMatcher()
          .permitAll()
          .anyMessage()
          .access(async () => {
            throw new AccessDeniedError("The room is closed", { publicHeaders: { code: "CLOSED" } });
          }),
      );
      const rod = await stage.connect("rod");
      rod.send("SEND\ndestination:/topic/a\n\nhi^@");
      expect(await rod.frame()).to.equal(
        "ERROR\nmessage:The room is closed\ncode:CLOSED\nretry:never\ncontent-length:0\n\n^@",
      );
    });

    for (const [how, fail] of [
      [
        "throws",
        () => {
          throw new Error("secret: no database");
        },
      ],
      ["rejects", () => Promise.reject(new Error("secret: no database"))],
    ] as const) {
      it(`denies when a function ${how}, tells nothing of that, and logs it`, async () => {
        await stage.start((messages) => messages.nullDestMatcher().permitAll().anyMessage().access(fail));
        const rod = await stage.connect("rod");
        rod.send("SEND\ndestination:/topic/a\n\nhi^@");
        expect(await rod.frame()).to.equal(
          "ERROR\nmessage:Access denied\\c SEND /topic/a\nretry:never\ncontent-length:0\n\n^@",
        );
        expect(stage.server.log.filter((line) => line.startsWith("error"))).to.deep.equal([
          "error The rules could not decide, and so denied Error: secret: no database",
        ]);
      });
    }
  });

  describe("when onDenied is drop", () => {
    it("loses the message, and the session lives", async () => {
      await stage.start(staffRules, { onDenied: "drop" });
      const rod = await stage.connect("rod");
      rod.send(
        "SUBSCRIBE\nid:1\ndestination:/topic/staff\n\n^@SUBSCRIBE\nid:2\ndestination:/user/queue/errors\n\n^@",
      );
      expect(await rod.synchronize()).to.deep.equal([]);

      await stage.server.messaging.template.convertAndSend("/topic/staff", "hush");
      rod.send("SEND\ndestination:/topic/staff\n\nhi^@");
      expect(await rod.synchronize()).to.deep.equal([]);
      expect(stage.denials).to.have.length(2);
    });

    it("gives ERROR all the same where a receipt would be a lie", async () => {
      await stage.start(staffRules, { onDenied: "drop" });
      const rod = await stage.connect("rod");
      rod.send("SEND\ndestination:/topic/staff\nreceipt:7\n\nhi^@");
      expect(await rod.frame()).to.equal(
        "ERROR\nmessage:Access denied\\c SEND /topic/staff\nreceipt-id:7\nretry:never\ncontent-length:0\n\n^@",
      );
      expect(await rod.closed()).to.equal(1002);
    });

    it("gives ERROR to a refused CONNECT", async () => {
      await stage.start((messages) => messages.anyMessage().authenticated(), { onDenied: "drop" });
      const stranger = await stage.open();
      stranger.send("CONNECT\naccept-version:1.2\nhost:spec\n\n^@");
      expect(await stranger.frame()).to.include("message:Access denied\\c CONNECT\n");
    });
  });

  describe("when onDenied is message", () => {
    for (const name of ["rod", undefined]) {
      it(`tells the session of ${name ?? "a stranger"} at /user/queue/errors, and it alone`, async () => {
        await stage.start(staffRules, { onDenied: "message" });
        const [one, other] = [await stage.connect(name), await stage.connect(name)];
        for (const client of [one, other]) {
          client.send("SUBSCRIBE\nid:1\ndestination:/user/queue/errors\n\n^@");
          await client.synchronize();
        }

        one.send("SEND\ndestination:/topic/staff\n\nhi^@SEND\ndestination:/else\\cwhere\n\nhi^@");

        const [first, second] = await one.synchronize();
        expect(first).to.match(
          /^MESSAGE\ndestination:\/user\/queue\/errors\n(?:.+\n)+\n\{"destination":"\/topic\/staff","message":"Access denied: SEND \/topic\/staff"\}\^@$/,
        );
        expect(second).to.include('{"destination":"/else:where"');
        expect(await other.synchronize()).to.deep.equal([]);
      });
    }
  });
});
