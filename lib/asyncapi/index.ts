export { type AsyncApi, asyncApi } from "./async-api.js";
export type {
  AsyncApiChannel,
  AsyncApiDocument,
  AsyncApiMessage,
  AsyncApiOperation,
  AsyncApiParameter,
  AsyncApiReply,
  AsyncApiServer,
  JsonSchema,
  Reference,
} from "./document.js";
export type { AsyncApiInfo } from "./options.js";
export { type AsyncApiForRequest, asyncApiPage } from "./page.js";
export type { SchemaAdapter } from "./payload-schema.js";
