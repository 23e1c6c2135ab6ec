import type { OwnDestination } from "../../channel/interceptor-description.js";

const USERS = {
  type: "array",
  items: {
    type: "object",
    properties: {
      name: { type: "string" },
      sessions: { type: "integer" },
      since: { type: "integer", description: "Ms since 1970" },
      info: { description: "The words of the option `presence.info`" },
    },
    required: ["name", "sessions", "since"],
  },
};

/** The message by which clients are told who subscribes to a destination. */
export const PRESENCE = {
  text: "Tells who subscribes to a destination: all at first, then what changes",
  payload: {
    type: "object",
    properties: {
      count: { type: "integer", description: "Users, each once, and strangers" },
      strangers: { type: "integer", description: "Sessions without a user" },
      users: { ...USERS, description: "Of a state: all" },
      joined: { ...USERS, description: "Of a diff" },
      changed: { ...USERS, description: "Of a diff" },
      left: { type: "array", items: { type: "string" }, description: "Of a diff: names" },
    },
    required: ["count", "strangers"],
  },
  messageHeaders: {
    presence: { type: "string", enum: ["state", "diff", "count"] },
    "presence-version": { type: "integer" },
  },
} satisfies Omit<OwnDestination, "destination">;
