export { type Answering, answering } from "./answering.js";
export { Place, type PlaceOptions } from "./place.js";
export type { PositionStorage } from "./positions.js";
export {
  type Present,
  type PresentUser,
  type WatchPresenceOptions,
  watchPresence,
} from "./presence.js";
export { type Resuming, type ResumingOptions, type ResumingSubscription, resuming } from "./resuming.js";
export type { Publication, StompClient, StompFrame, StompHeaders, StompMessage } from "./stomp-client.js";
export {
  InvalidBodyError,
  type TypedClient,
  type TypedClientOptions,
  type TypedPublishOptions,
  type TypedSubscribeOptions,
  typedClient,
} from "./typed-client.js";
