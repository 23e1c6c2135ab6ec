export { BackplaneHub, type BackplaneHubOptions } from "./backplane-hub.js";
export type { StompVersion } from "./broker/frame.js";
export { type CallOptions, type CallResult, callController, type SentMessage } from "./call-controller.js";
export { StompError, type TestClose, type TestHeaders } from "./conversation.js";
export { type FakeClock, fakeClock } from "./fake-clock.js";
export { type FaultProxy, faultProxy } from "./fault-proxy.js";
export { FaultyBackplane } from "./faulty-backplane.js";
export type { LineFaults } from "./line-faults.js";
export type { TestFrame, TestMessage } from "./received.js";
export { type RecordingLogger, recordingLogger } from "./recording-logger.js";
export type { RefusedOptions, TestClient, TestTransaction } from "./test-client.js";
export {
  type TestConnectOptions,
  type TestHandshake,
  type TestMessaging,
  type TestMessagingOptions,
  testMessaging,
  type WebSocketLike,
} from "./test-messaging.js";
export type { TestSubscription, WaitOptions } from "./test-subscription.js";
export { HandshakeRefusedError, type TestTransport } from "./transport.js";
