import { type ChannelInterceptor, Controller, type Message, MessageMapping, Payload } from "express-stomp";
import { ClientHost } from "./client-host.js";

@Controller()
class Notes {
  readonly taken: string[] = [];

  @MessageMapping("/note")
  take(@Payload() note: string) {
    this.taken.push(note);
  }

  @MessageMapping("/fail")
  fail() {
    throw new Error("secret of the server");
  }
}

/** A server that takes notes, and its clients. */
export class NotesHost extends ClientHost {
  notes!: Notes;

  async start(...interceptors: ChannelInterceptor[]): Promise<void> {
    this.notes = new Notes();
    await this.listen({ controllers: [this.notes], clientInboundChannel: { interceptors } });
  }
}

export const text = (message: Message) => Buffer.from(message.payload).toString();

/** Applies to messages of one type only. */
export function on(type: string, preSend: NonNullable<ChannelInterceptor["preSend"]>): ChannelInterceptor {
  return {
    preSend: (message, channel) =>
      message.headers.messageType === type ? preSend(message, channel) : message,
  };
}

export function raise(error: Error): never {
  throw error;
}
