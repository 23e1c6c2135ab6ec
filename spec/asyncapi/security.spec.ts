import { expect } from "chai";
import {
  Authorize,
  bearerToken,
  Controller,
  csrfToken,
  hasRole,
  MessageMapping,
  messageSecurity,
  SendTo,
} from "express-stomp";
import { destinations } from "express-stomp/contract";
import { z } from "zod";
import { apiOf } from "../support/async-api-of.js";

describe("asyncApi, of security", () => {
  const security = messageSecurity(
    (messages) =>
      messages
        .nullDestMatcher()
        .authenticated()
        .simpDestMatchers("/app/admin/**")
        .hasRole("ADMIN")
        .simpDestMatchers("/app/public")
        .permitAll()
        .simpMessageDestMatchers("/app/**")
        .authenticated()
        .simpSubscribeDestMatchers("/topic/prices", "/topic/**")
        .authenticated()
        .simpSubscribeDestMatchers("/user/queue/*")
        .authenticated()
        .anyMessage()
        .denyAll(),
    { onDenied: "message" },
  );
  @Controller()
  class Doors {
    @MessageMapping("/admin/{what}")
    @SendTo("/topic/admin")
    admin() {
      return 1;
    }

    @MessageMapping("/public")
    open() {}

    @MessageMapping("/speak")
    @Authorize(hasRole("SPEAKER"))
    @SendTo("/topic/speech", "/queue/speech")
    speak() {
      return 1;
    }
  }
  const options = {
    security,
    controllers: [Doors],
    clientInboundChannel: {
      interceptors: [
        bearerToken({ verify: () => ({ user: { name: "rod" } }), renewal: { destination: "/app/token" } }),
        csrfToken(),
      ],
    },
  };
  const info = { securitySchemes: { login: { type: "httpApiKey", name: "connect.sid", in: "cookie" } } };

  it("says which rules hold, and how to log in", async () => {
    const api = apiOf(options, info);
    const { operations, components, servers } = api.document;
    expect(components.securitySchemes).to.have.keys("bearer", "login");
    expect(servers.ws?.security).to.deep.equal([
      { $ref: "#/components/securitySchemes/bearer" },
      { $ref: "#/components/securitySchemes/login" },
    ]);
    expect(servers.ws?.["x-connect-headers"]).to.have.length(2);
    expect(operations["Doors.admin"]?.["x-authorization"]).to.deep.equal(['rule 2: hasRole("ADMIN")']);
    expect(operations["Doors.admin"]?.security).to.deep.equal(servers.ws?.security);
    expect(operations["Doors.open"]).to.not.have.any.keys("security", "x-authorization");
    expect(operations["Doors.speak"]?.["x-authorization"]).to.deep.equal([
      "rule 4: authenticated()",
      '@Authorize(hasRole("SPEAKER"))',
    ]);
    expect(api.document["x-rules"]).to.have.property(
      "2",
      'simpDestMatchers("/app/admin/**") hasRole("ADMIN")',
    );
  });

  it("has what interceptors, denials and rules know of", () => {
    const { operations, channels } = apiOf(options, info).document;
    expect(operations["own.app.token"]).to.include({ summary: "Renews the token of the session" });
    expect(channels["user.queue.token"]?.messages.notice?.payload).to.have.property("$ref");
    expect(channels["user.queue.errors"]?.messages.notice?.title).to.equal(
      "Tells that a message or a subscription was denied",
    );
    expect(operations["send.topic.prices"]?.description).to.equal(
      "The rules name it, and nothing else does.",
    );
  });

  it("leaves out what a user may not, and all that is only for that", async () => {
    const api = apiOf(options, info);
    const { document } = await api.forUser({ name: "rod" });
    expect(Object.keys(document.operations)).to.not.include.members(["Doors.admin"]);
    expect(document.operations).to.not.have.property("Doors.speak");
    expect(document.channels).to.not.have.any.keys("app.admin.what", "app.speak", "queue.speech");
    expect(document.operations).to.include.keys("Doors.open", "own.app.token", "send.topic.admin");

    const speaker = { name: "lea", roles: ["SPEAKER"] };
    const speak = (await api.forUser(speaker)).document.operations["Doors.speak"];
    expect(speak?.reply?.channel).to.deep.equal({ $ref: "#/channels/topic.speech" });
    expect(speak, "who may not subscribe to /queue/speech").to.not.have.property("x-replies");

    const ann = { name: "ann", roles: ["ADMIN"] };
    const admin = await api.forUser(ann);
    expect(admin.document.operations).to.have.property("Doors.admin");
    expect((await api.forUser(null)).document.operations).to.deep.equal({});
  });

  it("says of presence who hears it, and by the rules of its room, too", () => {
    const rules = messageSecurity((messages) =>
      messages
        .simpSubscribeDestMatchers("/topic/room/{id}")
        .hasRole("GUEST")
        .simpSubscribeDestMatchers("/topic/room/{id}/presence")
        .authenticated()
        .anyMessage()
        .denyAll(),
    );
    const { channels, operations } = apiOf({
      security: rules,
      presence: { destinations: ["/topic/room/*"] },
      contract: destinations({ "/topic/room/{id}/presence": { message: z.object({ count: z.number() }) } }),
    }).document;
    const channel = channels["topic.room.id.presence"];
    expect(Object.keys(channels)).to.deep.equal(["topic.room.id.presence", "topic.room.id"]);
    expect(Object.keys(channel?.messages ?? {})).to.deep.equal(["notice"]);
    expect(channel?.messages.notice).to.have.nested.property("headers.properties.presence.enum");
    expect(operations["send.topic.room.id.presence"]?.["x-authorization"]).to.deep.equal([
      "rule 2: authenticated()",
      'rule 1, for /topic/room/{id}: hasRole("GUEST")',
    ]);
  });

  it("says what is told of presence where no contract does", () => {
    const { channels, components } = apiOf({ presence: { destinations: ["/topic/room/*"] } }).document;
    const { notice } = channels["topic.room.any.presence"]?.messages ?? {};
    expect(notice?.payload).to.deep.equal({ $ref: "#/components/schemas/TopicRoomAnyPresenceNotice" });
    expect(components.schemas?.TopicRoomAnyPresenceNotice?.required).to.deep.equal(["count", "strangers"]);
  });

  it("says of what a user may do for some destinations that it depends", async () => {
    const rules = messageSecurity((messages) =>
      messages
        .simpMessageDestMatchers("/app/admin/{what}")
        .access((_user, _message, variables) => variables.get("what") === "lunch")
        .anyMessage()
        .permitAll(),
    );
    const { document } = await apiOf({ ...options, security: rules }).forUser({ name: "rod" });
    expect(document.operations["Doors.admin"]).to.include({ "x-may": "depends" });
    expect(document.operations["Doors.open"]).to.not.have.property("x-may");
  });
});
