import { expect } from "chai";
import { ConfigurationError, type StompMessagingOptions, stompMessaging } from "express-stomp";

function fault(options: object): string {
  try {
    stompMessaging({ endpoints: [{ path: "/ws" }], ...options } as StompMessagingOptions);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

describe("The options about users", () => {
  for (const userDestinationPrefix of ["user", "/", "//user", "", 7]) {
    it(`do not take ${JSON.stringify(userDestinationPrefix)} as userDestinationPrefix`, () => {
      expect(fault({ userDestinationPrefix })).to.equal(
        `userDestinationPrefix is ${JSON.stringify(userDestinationPrefix)}: a prefix is a string such as "/user"`,
      );
    });
  }

  for (const prefix of ["/user", "/user/", "/user/app"]) {
    it(`do not let ${prefix} be the application's too`, () => {
      expect(fault({ applicationDestinationPrefixes: [prefix] })).to.equal(
        `userDestinationPrefix /user and applicationDestinationPrefixes ${prefix} overlap`,
      );
    });
  }

  it("take only true and false for clientsMaySendToUsers", () => {
    expect(fault({ clientsMaySendToUsers: "no" })).to.equal("clientsMaySendToUsers must be true or false");
  });

  for (const limit of [0, -1, 1.5, "3", undefined]) {
    it(`do not take ${JSON.stringify(limit)} as userSessions.limit`, () => {
      expect(fault({ userSessions: { limit } })).to.match(
        /^userSessions\.limit is .*: it must be a whole number/,
      );
    });
  }

  it("know what userSessions can do, and nothing else", () => {
    expect(fault({ userSessions: { limit: 1, beyond: "ignore" } })).to.equal(
      'userSessions.beyond is "ignore": it must be "refuse" or "end-oldest"',
    );
    expect(fault({ userSessions: { limit: 1, max: 2 } })).to.equal(
      'userSessions has no option "max"; it has limit, beyond',
    );
  });
});
