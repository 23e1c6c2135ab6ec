import { randomUUID } from "node:crypto";
import {
  Controller,
  Header,
  MessageExceptionHandler,
  MessageHandlingError,
  MessageMapping,
  Payload,
  Principal,
  SendToUser,
  SimpMessagingTemplate,
  SimpUserRegistry,
} from "express-stomp";
import { readName } from "../shared/text.js";
import { field, readMessage, refusal } from "./chat-message.js";
import { AbsentError, type Notice, type PrivateMessage, type RefusalNotice } from "./private-message.js";

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
  ) {}

  @MessageMapping("/chat/private")
  async write(
    @Payload() payload: unknown,
    @Principal() user: Principal,
    @Header("nativeHeaders.dedup-id", { required: false }) dedupId: string | undefined,
  ): Promise<void> {
    const message = readMessage(payload);
    const recipient = this.#otherThan(user, payload);
    const written: PrivateMessage = {
      kind: "private",
      id: dedupId ?? randomUUID(),
      writer: user.name,
      recipient,
      message,
      sentAt: Date.now(),
    };
    for (const name of [recipient, user.name]) {
      await this.template.convertAndSendToUser(name, "/queue/private", written);
    }
  }

  /** Ends all sessions of somebody. The rules let only the staff come here. */
  @MessageMapping("/chat/staff/end")
  async end(@Payload() payload: unknown, @Principal() user: Principal): Promise<void> {
    const reason = readName(field(payload, "reason"));
    if (!reason || reason.length > REASON_LIMIT) {
      throw refusal(`A reason is one line of 1 to ${REASON_LIMIT} characters.`);
    }
    const name = this.#otherThan(user, payload);
    // Before ERROR, which cannot tell pages that this one is for good.
    const notice: Notice = { problem: "ended", reason };
    await this.template.convertAndSendToUser(name, "/queue/errors", notice);
    this.sessions.end(name, reason);
  }

  @MessageExceptionHandler(MessageHandlingError)
  @SendToUser("/queue/errors", { broadcast: false })
  refused(
    error: MessageHandlingError,
    @Payload() payload: unknown,
    @Header("nativeHeaders.receipt", { required: false }) receipt: string | undefined,
  ): RefusalNotice {
    const problem = error instanceof AbsentError ? "absent" : "refused";
    return { problem, reason: error.publicMessage ?? "", name: nameIn(payload), receipt };
  }

  #otherThan(user: Principal, payload: unknown): string {
    const name = nameIn(payload);
    if (name === user.name) throw refusal("That is you.");
    if (!this.users.getUser(name)) throw new AbsentError();
    return name;
  }
}

function nameIn(payload: unknown): string {
  return readName(field(payload, "name")) ?? "";
}
