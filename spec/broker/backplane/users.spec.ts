import { BackplaneHub, FaultyBackplane } from "express-stomp/testing";
import { onBackplane } from "../../support/backplane-stage.js";
import { describeUsersOnServers } from "../../support/users-on-servers.js";

describe("Servers on a backplane", () => {
  for (const remembers of [0, 1000]) {
    describe(`${remembers > 0 ? "with" : "without"} a log, for their users,`, () => {
      let hub: BackplaneHub;

      beforeEach(() => {
        hub = new BackplaneHub({ remembers });
      });

      describeUsersOnServers(() => onBackplane(new FaultyBackplane(hub)));
    });
  }
});
