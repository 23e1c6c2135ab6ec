import {
  Controller,
  DestinationVariable,
  Header,
  Payload,
  Principal,
  SimpMessagingTemplate,
} from "express-stomp";
import { typedServer } from "express-stomp/contract/server";
import { type ChatEntrance, type ChatMessage, chatContract } from "./chat-contract.js";
import { HISTORY_LENGTH, readMessage, refusal } from "./chat-message.js";
import { ChatMessageRepository } from "./chat-message-repository.js";
import type { ChatRoom } from "./chat-room.js";
import { ChatRoomRepository } from "./chat-room-repository.js";

const { MessageMapping, SubscribeMapping, send } = typedServer(chatContract, { prefix: "/pub" });

/** The talk in the rooms. Who writes is told by the login, never by the message. */
@Controller()
export class StompChatController {
  constructor(
    private readonly template: SimpMessagingTemplate,
    private readonly rooms: ChatRoomRepository,
    private readonly messages: ChatMessageRepository,
  ) {}

  /** Answers a subscription of `/pub/chat/room/{roomId}` with what was said last. */
  @SubscribeMapping("/chat/room/{roomId}")
  history(@DestinationVariable("roomId") roomId: string): Promise<ChatMessage[]> {
    return this.messages.findLatest(roomId, HISTORY_LENGTH);
  }

  @MessageMapping("/chat/enter")
  async enter(@Payload() { roomId }: { roomId: string }, @Principal() user: Principal): Promise<void> {
    const room = await this.#find(roomId);
    await this.#tell({ kind: "enter", roomId: room.id, writer: user.name, sentAt: Date.now() });
  }

  /**
   * `deduplicate` remembers a message's id as long as this process lives, and its row for good: one that is sent
   * again since the server died before RECEIPT is told again, with the number that pages may have seen already.
   */
  @MessageMapping("/chat/message")
  async message(
    @Payload() { roomId, message }: { roomId: string; message: string },
    @Principal() user: Principal,
    @Header("nativeHeaders.dedup-id", { required: false }) dedupId: string | undefined,
  ): Promise<void> {
    const room = await this.#find(roomId);
    await this.#tell(await this.messages.create(room.id, user.name, readMessage(message), dedupId));
  }

  async #find(roomId: string): Promise<ChatRoom> {
    const room = await this.rooms.findById(roomId);
    if (!room) throw refusal("This room does not exist.");
    return room;
  }

  #tell(news: ChatMessage | ChatEntrance): Promise<void> {
    return send(this.template, "/sub/chat/room/{roomId}", { roomId: news.roomId }, news);
  }
}
