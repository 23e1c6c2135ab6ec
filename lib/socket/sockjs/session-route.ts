/** `<path>/<server>/<session>/<transport>`; the server is the load balancer's affair. */
export interface SessionRoute {
  readonly session: string;
  readonly transport: string;
}

const MAX_NAME_LENGTH = 256;

/** Finds the session's part of a path below the endpoint's. */
export function sessionRoute(rest: string): SessionRoute | undefined {
  const [server, session, transport, ...more] = rest.split("/");
  if (!server || !session || !transport || more.length > 0) return undefined;
  if (server.includes(".") || session.includes(".") || session.length > MAX_NAME_LENGTH) return undefined;
  return { session, transport };
}
