import type { EndpointOptions } from "#lib/socket/endpoint.js";
import { SocketHost } from "./socket-host.js";
import { openPolling } from "./sockjs-http.js";

/** An application that serves SockJS at `/ws`. */
export interface SockJsStage {
  host: SocketHost;
  /** Mounts the endpoint and gives the port. */
  listen(sockJS?: EndpointOptions["sockJS"]): Promise<number>;
  /** The same, and a client has opened the session `/ws/000/s1` by its first poll. */
  poll(sockJS?: EndpointOptions["sockJS"]): Promise<number>;
}

/** One that is new for each spec of the suite it is called in, and closed behind it. */
export function sockJsStage(): SockJsStage {
  const stage: SockJsStage = {
    host: new SocketHost(),
    async listen(sockJS = true) {
      stage.host.endpoint({ sockJS });
      return await stage.host.listen();
    },
    async poll(sockJS) {
      const port = await stage.listen(sockJS);
      await openPolling(port, "/ws/000/s1");
      return port;
    },
  };
  beforeEach(() => {
    stage.host = new SocketHost();
  });
  afterEach(() => stage.host.close());
  return stage;
}
