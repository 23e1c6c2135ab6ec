import { expect } from "chai";
import { ConfigurationError, type StompEndpointRegistry } from "express-stomp";
import { configuredOptions } from "#lib/configurer/configurer.js";

/** Whatever a configurer says of its endpoints. */
function endpointsOf(register: (registry: StompEndpointRegistry) => void) {
  return configuredOptions({ registerStompEndpoints: register }, {}).endpoints;
}

describe("StompEndpointRegistry", () => {
  it("says nothing of SockJS unless it is asked for", () => {
    expect(endpointsOf((registry) => void registry.addEndpoint("/a"))).to.deep.equal([
      { path: "/a", sockJS: undefined },
    ]);
  });

  it("passes handshake interceptors on in the order of the calls", () => {
    const [one, two, three] = [1, 2, 3].map(() => ({ beforeHandshake: () => true }));
    const endpoints = endpointsOf((registry) => {
      registry.addEndpoint("/a", "/b").addInterceptors(one!, two!).addInterceptors(three!);
    });

    expect(endpoints.map(({ handshakeInterceptors }) => handshakeInterceptors)).to.deep.equal([
      [one, two, three],
      [one, two, three],
    ]);
  });

  it("passes SockJS's options on", () => {
    const [endpoint] = endpointsOf((registry) => {
      registry
        .addEndpoint("/a")
        .withSockJS()
        .setHeartbeatTime(1000)
        .setDisconnectDelay(2000)
        .setStreamBytesLimit(3000)
        .setSessionCookieNeeded(false)
        .setWebSocketEnabled(false)
        .setHttpMessageCacheSize(4000)
        .setTransportHandlers("xhr", "jsonp")
        .setClientLibraryUrl("/sockjs.min.js")
        .setSuppressCors(true);
    });

    expect(endpoint?.sockJS).to.deep.equal({
      heartbeatTime: 1000,
      disconnectDelay: 2000,
      streamBytesLimit: 3000,
      sessionCookieNeeded: false,
      webSocketEnabled: false,
      httpMessageCacheSize: 4000,
      transportHandlers: ["xhr", "jsonp"],
      clientLibraryUrl: "/sockjs.min.js",
      suppressCors: true,
    });
  });

  for (const order of ["before", "behind"]) {
    it(`keeps SockJS's options of a path that is there without SockJS too, ${order} it`, () => {
      const [endpoint, ...others] = endpointsOf((registry) => {
        if (order === "before") registry.addEndpoint("/ws");
        registry.addEndpoint("/ws").withSockJS().setHeartbeatTime(1000);
        if (order === "behind") registry.addEndpoint("/ws");
      });

      expect(endpoint).to.deep.equal({ path: "/ws", sockJS: { heartbeatTime: 1000 } });
      expect(others).to.deep.equal([]);
    });
  }

  for (const [what, register] of [
    [
      "of different origins",
      (registry: StompEndpointRegistry) => {
        registry.addEndpoint("/ws").setAllowedOrigins("https://a.example");
        registry.addEndpoint("/ws").withSockJS();
      },
    ],
    [
      "both with SockJS",
      (registry: StompEndpointRegistry) => {
        registry.addEndpoint("/ws").withSockJS();
        registry.addEndpoint("/ws").withSockJS();
      },
    ],
  ] as const) {
    it(`refuses a path that is there twice, ${what}`, () => {
      expect(() => endpointsOf(register)).to.throw(ConfigurationError, 'addEndpoint("/ws") is there twice');
    });
  }
});
