import {
  Controller,
  Header,
  MessageExceptionHandler,
  MessageHandlingError,
  Payload,
  Principal,
  SimpMessagingTemplate,
  SimpUserRegistry,
} from "express-stomp";
import { typedServer } from "express-stomp/contract/server";
import { readName } from "../shared/text.js";
import { AbsentError } from "./absent-error.js";
import { chatContract, type Notice, type PrivateMessage, type RefusalNotice } from "./chat-contract.js";
import { HISTORY_LENGTH, readMessage, refusal } from "./chat-message.js";
import { MemberRepository } from "./member-repository.js";
import { PrivateMessageRepository } from "./private-message-repository.js";
import { UnknownMemberError } from "./unknown-member-error.js";

const { MessageMapping, SendToUser, SubscribeMapping, sendToUser } = typedServer(chatContract, {
  prefix: "/pub",
});

const REASON_LIMIT = 200;

/** Ends all sessions of a user. A class, so that it can be injected by name. */
export class SessionEnder {
  /** @param end gives how many there were */
  constructor(readonly end: (user: string, reason: string) => number) {}
}

/** Everything that members do to one another. They hear of a refusal at `/user/queue/errors`, and stay connected. */
@Controller()
export class PeopleController {
  constructor(
    private readonly template: SimpMessagingTemplate,
    private readonly users: SimpUserRegistry,
    private readonly sessions: SessionEnder,
    private readonly members: MemberRepository,
    private readonly messages: PrivateMessageRepository,
  ) {}

  /** Answers a subscription of `/pub/chat/private` with what the member wrote and was written last. */
  @SubscribeMapping("/chat/private")
  history(@Principal() user: Principal): Promise<PrivateMessage[]> {
    return this.messages.findLatest(user.name, HISTORY_LENGTH);
  }

  /** A member who is not there gets it on coming back, and one that is sent again has the number that it had. */
  @MessageMapping("/chat/private")
  async write(
    @Payload() given: { name: string; message: string },
    @Principal() user: Principal,
    @Header("nativeHeaders.dedup-id", { required: false }) dedupId: string | undefined,
  ): Promise<void> {
    const message = readMessage(given.message);
    const recipient = await this.members.findByName(readName(given.name) ?? "");
    if (!recipient) throw new UnknownMemberError();
    if (recipient.name === user.name) throw refusal("That is you.");
    const written = await this.messages.create(user.name, recipient.name, message, dedupId);
    for (const name of [written.recipient, written.writer]) {
      await sendToUser(this.template, name, "/queue/private", written);
    }
  }

  /** Ends all sessions of somebody. The rules let only the staff come here. */
  @MessageMapping("/chat/staff/end")
  async end(@Payload() given: { name: string; reason: string }, @Principal() user: Principal): Promise<void> {
    const reason = readName(given.reason);
    if (!reason || reason.length > REASON_LIMIT) {
      throw refusal(`A reason is one line of 1 to ${REASON_LIMIT} characters.`);
    }
    const name = readName(given.name) ?? "";
    if (name === user.name) throw refusal("That is you.");
    if (!this.users.getUser(name)) throw new AbsentError();
    // Before ERROR, which cannot tell pages that this one is for good.
    const notice: Notice = { problem: "ended", reason };
    await sendToUser(this.template, name, "/queue/errors", notice);
    this.sessions.end(name, reason);
  }

  @MessageExceptionHandler(MessageHandlingError)
  @SendToUser("/queue/errors", { broadcast: false })
  refused(
    error: MessageHandlingError,
    @Payload() payload: unknown,
    @Header("nativeHeaders.receipt", { required: false }) receipt: string | undefined,
  ): RefusalNotice {
    return { problem: problemOf(error), reason: error.publicMessage ?? "", name: nameIn(payload), receipt };
  }
}

function problemOf(error: MessageHandlingError): RefusalNotice["problem"] {
  if (error instanceof AbsentError) return "absent";
  return error instanceof UnknownMemberError ? "unknown" : "refused";
}

/** A payload that was refused may be anything. */
function nameIn(payload: unknown): string {
  return readName(Object(payload).name) ?? "";
}
