import { expect } from "chai";
import { serversOnly } from "#lib/relay/application/servers-only.js";

describe("Destinations for servers only", () => {
  const isServersOnly = serversOnly({
    secret: "a secret of the servers",
    userDestinationBroadcast: "/topic/servers.users",
    userRegistryBroadcast: undefined,
    registryExpirationPeriod: 20_000,
    messageSizeLimit: 1024 * 1024,
  });

  it("are those, however they are written", () => {
    for (const destination of [
      "/topic/servers.users",
      "/exchange/amq.topic/servers.users",
      "/topic/%73ervers.users",
      "/topic/a,/topic/servers.users",
      "/topic/a, topic://servers.users",
      "/queue/a,topic://servers.users",
      "/topic/topic://servers.users",
      "/queue/topic://servers.users",
      " /topic/servers.users",
      "/topic/ servers.users\t",
      "/topic/servers.users::mine",
      "/topic/servers.users?consumer.exclusive=true",
      "/exchange%2Famq.topic%2fservers.users",
    ]) {
      expect(isServersOnly(destination), destination).to.equal(true);
    }
  });

  it("are no others", () => {
    for (const destination of [
      "/topic/servers",
      "/topic/servers.users.7",
      "/topic/%",
      "/topic/#",
      "",
      "/app/servers.users",
      "/user/queue/servers.users",
      "/queue/servers.users",
      "/amq/queue/servers.users",
      "/topic/a,queue://servers.users",
      "/topic/users/servers.users",
    ]) {
      expect(isServersOnly(destination), destination).to.equal(false);
    }
  });
});
