import { expect } from "chai";
import { type StompBrokerRelayOptions, stompBrokerRelay } from "express-stomp";
import { serversOnly } from "#lib/relay/servers-only.js";
import { serversSettings } from "#lib/relay/servers-settings.js";

const SECRET = "a secret of the servers";
const CONTEXT = { destinationPrefixes: ["/topic"], systemLogin: "app", systemPasscode: "hush" };

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

  it("are nothing without a destination", () => {
    expect(serversSettings({}, CONTEXT)).to.equal(undefined);
  });

  it("have a secret of the system's login, unless one is given", () => {
    const options = { userDestinationBroadcast: "/topic/users" };
    expect(serversSettings(options, CONTEXT)?.secret).to.equal("app\nhush");
    expect(serversSettings({ ...options, secret: SECRET }, CONTEXT)?.secret).to.equal(SECRET);
  });
});

describe("Destinations for servers only", () => {
  const isServersOnly = serversOnly({
    secret: SECRET,
    userDestinationBroadcast: "/topic/servers.users",
    userRegistryBroadcast: undefined,
    registryExpirationPeriod: 20_000,
  });

  it("are those, however they are written", () => {
    for (const destination of [
      "/topic/servers.users",
      "/exchange/amq.topic/servers.users",
      "/topic/%73ervers.users",
      "/topic/a,/topic/servers.users",
      "/topic/a, topic://servers.users",
      "/topic/servers.users?consumer.exclusive=true",
      "/exchange%2Famq.topic%2fservers.users",
    ]) {
      expect(isServersOnly(destination), destination).to.equal(true);
    }
  });

  it("are no others", () => {
    for (const destination of ["/topic/servers", "/topic/servers.users.7", "/topic/%", "/topic/#", ""]) {
      expect(isServersOnly(destination), destination).to.equal(false);
    }
  });
});
