export type { StompVersion } from "./frame.js";
export type { PageLines } from "./page-lines.js";
export type { PageSocket } from "./page-socket.js";
export {
  type DestinationHandler,
  type FrameHeaders,
  type PageFrame,
  type TestBroker,
  type TestBrokerOptions,
  testBroker,
} from "./test-broker.js";
