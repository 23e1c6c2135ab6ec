import { expect } from "chai";
import { type ImaginedMessage, type MessageMatchers, messageSecurity, type Principal } from "express-stomp";
import { countOperations } from "../support/count-operations.js";
import { rod, SEND, SUBSCRIBE, staff, verdict } from "../support/verdict.js";

describe("messageSecurity", () => {
  describe("when a subscription has wildcards", () => {
    const build = (messages: MessageMatchers) =>
      messages
        .simpSubscribeDestMatchers("/topic/secret/**")
        .hasRole("STAFF")
        .simpSubscribeDestMatchers("/topic/room/{id}")
        .access((_user, _message, variables) => variables.get("id") !== "9")
        .simpSubscribeDestMatchers("/topic/**")
        .authenticated()
        .anyMessage()
        .denyAll();
    const cases: [Principal, string, string][] = [
      [rod, "/topic/secret/plans", "denied by 1"],
      [rod, "/topic/*", "denied by 1"],
      [rod, "/topic/r*", "granted by 3"],
      [rod, "/topic/*/plans", "denied by 1"],
      [rod, "/topic/**", "denied by 1"],
      [rod, "/topic/s*", "denied by 1"],
      [rod, "/topic/s*/p*", "denied by 1"],
      [rod, "/topic/{x}/{y}", "denied by 1"],
      [rod, "/topic/secre?/plans", "denied by 1"],
      [rod, "/**", "denied by 1"],
      [rod, "/*/*/*", "denied by 1"],
      [staff, "/topic/secret/*", "granted by 1"],
      [staff, "/topic/secret/**/x", "granted by 1"],
      [staff, "/topic/room/7", "granted by 2"],
      [staff, "/topic/room/9", "denied by 2"],
      [staff, "/topic/room/*", "denied by 2"],
      [staff, "/topic/room/?", "denied by 2"],
      [staff, "/topic/*/7", "granted by 3"],
      [staff, "/topic/*/9", "denied by 2"],
      [staff, "/topic/news/*", "granted by 3"],
      [staff, "/*", "denied by 4"],
      [staff, "/topic/{", "denied by 2"],
      [rod, `/topic/${"*/".repeat(70)}`, "denied by 1"],
    ];
    for (const [user, destination, expected] of cases) {
      it(`${expected} is ${destination.slice(0, 40)} of ${user.name}`, async () => {
        expect(await verdict(build, [user, SUBSCRIBE(destination)])).to.equal(expected);
      });
    }

    it("asks functions about it whose patterns leave nothing open", async () => {
      const asked: (string | undefined)[] = [];
      const security = messageSecurity((messages) =>
        messages
          .simpDestMatchers("/topic/{id}/**")
          .access((_user, { headers }, variables) => asked.push(headers.destination, variables.get("id")) > 0)
          .simpDestMatchers("/queue/*")
          .access((_user, { headers }) => asked.push(headers.destination) > 0)
          .anyMessage()
          .denyAll(),
      );
      expect((await security.decide(rod, SUBSCRIBE("/topic/7/*"))).granted).to.equal(true);
      expect((await security.decide(rod, SUBSCRIBE("/queue/*"))).granted).to.equal(true);
      expect((await security.decide(rod, SUBSCRIBE("/topic/*/a"))).granted).to.equal(false);
      expect(asked).to.deep.equal(["/topic/7/*", "7", "/queue/*"]);
    });

    it("lays it beside many rules in steps that grow with its length, whatever its wildcards and theirs", () => {
      const rules = 31;
      const security = messageSecurity((messages) => {
        for (let i = 1; i < rules; i++) {
          messages.simpSubscribeDestMatchers(`/topic/*room-${i}-*-of-*-house-*/**`).permitAll();
        }
        return messages.simpSubscribeDestMatchers("/topic/**").permitAll().anyMessage().denyAll();
      });
      const stepsFor = (pairs: number) => {
        const destination = `/topic/${"*a".repeat(pairs)}*`;
        return countOperations(() => void security.decide(rod, SUBSCRIBE(destination))) / pairs;
      };
      stepsFor(1);
      expect(stepsFor(118), "steps for each wildcard").to.be.within(1, 2 * rules);
    });

    it("takes wildcards of a SEND as they stand, as the simple broker does", async () => {
      expect(
        await verdict(
          (messages) =>
            messages
              .simpDestMatchers("/topic/secret")
              .denyAll()
              .simpDestMatchers("/topic/*")
              .permitAll()
              .anyMessage()
              .denyAll(),
          [rod, SEND("/topic/*")],
        ),
      ).to.equal("granted by 2");
    });
  });

  describe("when a relay's broker reads the destinations", () => {
    const build = (messages: MessageMatchers) =>
      messages
        .simpDestMatchers("/topic/secret.**", "/topic/secret")
        .hasRole("STAFF")
        .simpDestMatchers("/topic/**", "/queue/**")
        .authenticated()
        .anyMessage()
        .denyAll();
    const options = { broker: "relay", destinationSeparator: "." } as const;
    const cases: [type: ImaginedMessage, expected: string][] = [
      [SUBSCRIBE("/topic/news"), "granted by 2"],
      [SUBSCRIBE("/topic/news.*"), "granted by 2"],
      [SUBSCRIBE("/topic/news.#"), "granted by 2"],
      [SUBSCRIBE("/topic/news.>"), "granted by 2"],
      [SUBSCRIBE("/topic/#"), "denied by 1"],
      [SUBSCRIBE("/topic/>"), "denied by 1"],
      [SUBSCRIBE("/topic/*"), "denied by 1"],
      [SUBSCRIBE("/topic/secret.#"), "denied by 1"],
      [SUBSCRIBE("/topic/#.secret"), "denied by 1"],
      [SUBSCRIBE("/topic/*.plans"), "denied by 1"],
      [SUBSCRIBE("/topic/secret?consumer.prefetchSize=1"), "denied by 1"],
      [SEND("/topic/news,/topic/secret"), "denied by 1"],
      [SUBSCRIBE("/topic/news,/topic/secret"), "denied by 1"],
      [SUBSCRIBE("/topic/secret "), "denied by 1"],
      [SUBSCRIBE(" /topic/secret"), "denied by 1"],
      [SEND("/topic/ secret"), "denied by 1"],
      [SUBSCRIBE("/topic/\tsecret.plans"), "denied by 1"],
      [SEND("/topic/\u0001secret"), "denied by 1"],
      [SUBSCRIBE("/topic/secret\u001f"), "denied by 1"],
      [SEND("/topic/my secret"), "granted by 2"],
      [SUBSCRIBE("/queue/mine::secret"), "denied by 1"],
      [SUBSCRIBE("/topic/{.#"), "denied by 1"],
      [SUBSCRIBE("/topic/{a.b}.*"), "denied by 1"],
      [SEND("/queue/>"), "granted by 2"],
      [SEND("/topic/>"), "denied by 1"],
      [SUBSCRIBE("#"), "denied by 1"],
    ];
    for (const [message, expected] of cases) {
      it(`${expected} is ${message.type} ${message.destination}`, async () => {
        expect(await verdict(build, [rod, message, options])).to.equal(expected);
      });
    }

    it("looks for its words where slashes separate, too", async () => {
      const slashes = (messages: MessageMatchers) =>
        messages
          .simpDestMatchers("/topic/secret")
          .denyAll()
          .simpDestMatchers("/topic/**")
          .permitAll()
          .anyMessage()
          .denyAll();
      for (const [destination, expected] of [
        ["/topic/secret.#", "denied by 1"],
        ["/topic/#", "denied by 1"],
        ["/topic/news.#", "granted by 2"],
        ["/topic/*", "denied by 1"],
      ] as const) {
        const found = await verdict(slashes, [rod, SUBSCRIBE(destination), { broker: "relay" }]);
        expect(found, destination).to.equal(expected);
      }
    });
  });
});
