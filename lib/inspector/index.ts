export { inspector } from "./inspector.js";
export type { InspectorOptions, InspectorTapOptions } from "./options.js";
export type {
  ActAnswer,
  DestinationRow,
  ElsewhereRow,
  ErrorAnswer,
  FrameRow,
  InspectorPermission,
  ListAnswer,
  MappingRow,
  OverviewAnswer,
  RuleAnswer,
  SessionAnswer,
  SessionRow,
  SubscriptionRow,
} from "./page/answers.js";
