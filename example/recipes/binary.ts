// How do I send binary data, such as images or protobuf, over STOMP instead of JSON?
import express from "express";
import {
  Controller,
  DestinationVariable,
  Header,
  MessageMapping,
  Payload,
  SimpMessagingTemplate,
  simpleBroker,
  stompMessaging,
} from "express-stomp";

@Controller()
class PictureController {
  constructor(private readonly template: SimpMessagingTemplate) {}

  /**
   * A parameter of this type always gets the bytes as they came, whatever the content type is. In the browser:
   * client.publish({ destination: "/app/pictures/cat", binaryBody: new Uint8Array(await file.arrayBuffer()) })
   */
  @MessageMapping("/pictures/{name}")
  async picture(
    @Payload() bytes: Uint8Array,
    @DestinationVariable("name") name: string,
    @Header("content-type", { defaultValue: "application/octet-stream" }) contentType: string,
  ) {
    // Subscribers have them in message.binaryBody. A Uint8Array that is sent stays as it is.
    const headers = { "content-type": contentType, "picture-name": name };
    await this.template.convertAndSend("/topic/pictures", bytes, headers);
  }
}

export const messaging = stompMessaging({
  endpoints: [{ path: "/ws" }],
  applicationDestinationPrefixes: ["/app"],
  broker: simpleBroker({ destinationPrefixes: ["/topic"] }),
  // A frame has 64 KiB at most by default: pictures are longer.
  transport: { messageSizeLimit: 1024 * 1024, sendBufferSizeLimit: 8 * 1024 * 1024 },
  controllers: [PictureController],
});

const app = express();
app.use(messaging);
export const server = app.listen(Number(process.env.PORT ?? 8080));
messaging.attach(server);
