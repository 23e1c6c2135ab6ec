import { expect } from "chai";
import {
  Controller,
  MessageMapping,
  Payload,
  Principal,
  SendToUser,
  SimpMessagingTemplate,
  type StompMessagingOptions,
} from "express-stomp";
import type { RawClient } from "../support/raw-client.js";
import { heard, subscribe, type Users, withUsers } from "../support/users.js";

describe("User destinations", () => {
  let users: Users;

  const start = async (options?: Partial<StompMessagingOptions>) => {
    users = await withUsers(options);
  };

  afterEach(() => users.close());

  describe("when a controller sends", () => {
    @Controller()
    class LetterController {
      constructor(private readonly template: SimpMessagingTemplate) {}

      @MessageMapping("/letter")
      letter(@Payload() text: string, @Principal() user: Principal) {
        return this.template.convertAndSendToUser("bob", "/queue/letters", `${user.name}: ${text}`);
      }
    }

    it("carry what one client tells another through the application", async () => {
      await start({ controllers: [LetterController] });
      const [joe, bob] = [await users.connect("joe"), await users.connect("bob")];
      subscribe(bob, "s", "/user/queue/letters");
      await bob.synchronize();

      joe.send("SEND\ndestination:/app/letter\n\nhi^@");
      await joe.synchronize();

      expect(await heard(bob)).to.deep.equal(["s /user/queue/letters joe: hi"]);
    });
  });

  describe("when a controller answers the user", () => {
    @Controller()
    class EchoController {
      @MessageMapping("/all")
      @SendToUser("/queue/x")
      all(@Payload() text: string) {
        return text;
      }

      @MessageMapping("/one")
      @SendToUser("/queue/x", { broadcast: false })
      one(@Payload() text: string) {
        return text;
      }
    }

    const ask = async (client: RawClient, destination: string) => {
      client.send(`SEND\ndestination:${destination}\ncontent-type:text/plain\n\nhi^@`);
      return heard(client);
    };

    for (const name of ["joe", "jo/e%2F", undefined]) {
      it(`reach ${name ?? "a stranger"} in all sessions, or in the one that asked`, async () => {
        await start({ userDestinationPrefix: "/me", controllers: [EchoController] });
        const [asking, other, bob] = [
          await users.connect(name),
          await users.connect(name),
          await users.connect("bob"),
        ];
        for (const client of [asking, other, bob]) {
          subscribe(client, "s", "/me/queue/x");
          await client.synchronize();
        }

        expect(await ask(asking, "/app/one")).to.deep.equal(["s /me/queue/x hi"]);
        expect(await heard(other)).to.deep.equal([]);
        expect(await ask(asking, "/app/all")).to.deep.equal(["s /me/queue/x hi"]);
        expect(await heard(other)).to.have.length(name === undefined ? 0 : 1);
        expect(await heard(bob)).to.deep.equal([]);
      });
    }
  });
});
