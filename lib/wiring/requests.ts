import type { SimpMessagingTemplate } from "../channel/messaging-template.js";
import type { CompositeMessageConverter } from "../message/converters.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { ClientRequests, type ClientRequestsOptions } from "../requests/client-requests.js";
import type { OpenQuestions } from "../requests/open-questions.js";
import type { UserSessions } from "../user/user-sessions.js";
import type { Channels } from "./channels.js";

export interface RequestsContext extends Pick<Channels, "clientInboundChannel"> {
  readonly template: SimpMessagingTemplate;
  readonly converter: CompositeMessageConverter;
  readonly userSessions: UserSessions;
  readonly questions: OpenQuestions;
  /** Reaches the other servers, if there are such. */
  readonly others: ClientRequestsOptions["others"];
}

/** The destination to which clients send their answers: under the application's first prefix, and never a broker's. */
export function answersOf({ applicationDestinationPrefixes: [prefix = ""] }: ResolvedOptions): string {
  return `${prefix.replace(/\/$/, "")}/express-stomp/answers`;
}

/** Makes the station that asks clients, and takes their answers. */
export function makeRequests(
  options: ResolvedOptions,
  { clientInboundChannel, template, converter, userSessions: sessions, questions, others }: RequestsContext,
): ClientRequests {
  const { clock, destinationSeparator: separator, userDestinationPrefix: userPrefix } = options;
  const requests = new ClientRequests({
    questions,
    limit: options.requestLimit,
    template,
    converter,
    sessions,
    others,
    clock,
    separator,
    userPrefix,
  });
  clientInboundChannel.subscribe(requests);
  return requests;
}
