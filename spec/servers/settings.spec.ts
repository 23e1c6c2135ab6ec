import { expect } from "chai";
import {
  ConfigurationError,
  type StompBrokerRelayOptions,
  stompBrokerRelay,
  stompMessaging,
} from "express-stomp";
import { serversSettings } from "#lib/servers/settings.js";

const SECRET = "a secret of the servers";
const CONTEXT = {
  owner: "stompBrokerRelay",
  destinationPrefixes: ["/topic"],
  systemLogin: "app",
  systemPasscode: "hush",
  messageSizeLimit: 1024 * 1024,
};

describe("The servers' options of the relay", () => {
  const wrong: [StompBrokerRelayOptions, string][] = [
    [{ userDestinationBroadcast: "/topic/users" }, "secret is needed beside the systemPasscode"],
    [{ userDestinationBroadcast: "/topic/users", systemPasscode: "" }, "secret is needed"],
    [{ userDestinationBroadcast: "/topic/users", secret: "too short" }, "secret must be a text of 16"],
    [{ userDestinationBroadcast: "users", secret: SECRET }, "userDestinationBroadcast must be a destination"],
    [
      { userDestinationBroadcast: "/topic/", secret: SECRET },
      "userDestinationBroadcast must be a destination",
    ],
    [{ userRegistryBroadcast: "/topic/#", secret: SECRET }, "userRegistryBroadcast must be a destination"],
    [
      { userRegistryBroadcast: "/queue/users", destinationPrefixes: ["/topic"], secret: SECRET },
      "userRegistryBroadcast must begin with one of the destinationPrefixes, /topic",
    ],
    [
      { userDestinationBroadcast: "/topic/a", userRegistryBroadcast: "/topic/a", secret: SECRET },
      "userRegistryBroadcast must be another destination",
    ],
    [
      { userRegistryBroadcast: "/topic/a", registryExpirationPeriod: 0, secret: SECRET },
      "registryExpirationPeriod must be",
    ],
    [
      { userRegistryBroadcast: "/topic/a", messageSizeLimit: 65_535, secret: SECRET },
      "messageSizeLimit must be 65536 or more where servers speak to each other, not 65535",
    ],
    [{ secret: SECRET }, "secret is for userDestinationBroadcast and userRegistryBroadcast"],
    [{ registryExpirationPeriod: 1000 }, "registryExpirationPeriod is for"],
  ];
  for (const [options, text] of wrong) {
    it(`refuse ${JSON.stringify(options)}`, () => {
      const make = () => stompBrokerRelay(options);
      expect(make).to.throw(`stompBrokerRelay: ${text}`);
      expect(make).to.not.throw("too short");
    });
  }

  for (const name of ["userDestinationBroadcast", "userRegistryBroadcast"]) {
    it(`refuse a ${name} that the controllers have`, () => {
      const make = () =>
        stompMessaging({
          endpoints: [{ path: "/ws" }],
          applicationDestinationPrefixes: ["/topic/app"],
          broker: stompBrokerRelay({ [name]: "/topic/app/servers", secret: SECRET, autoStartup: false }),
        });
      const text = `stompBrokerRelay: ${name} must be a destination of the broker's; /topic/app/servers is the controllers'`;
      expect(make).to.throw(ConfigurationError, text);
    });
  }

  it("are nothing without a destination", () => {
    expect(serversSettings({}, CONTEXT)).to.equal(undefined);
  });

  it("have a secret of the system's login, unless one is given", () => {
    const options = { userDestinationBroadcast: "/topic/users" };
    expect(serversSettings(options, CONTEXT)?.secret).to.equal("app\nhush");
    expect(serversSettings({ ...options, secret: SECRET }, CONTEXT)?.secret).to.equal(SECRET);
  });
});
