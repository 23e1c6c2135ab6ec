import {
  type ImaginedMessage,
  type MessageMatchers,
  type MessageSecurityOptions,
  messageSecurity,
  type Principal,
} from "express-stomp";

export const SEND = (destination: string): ImaginedMessage => ({ type: "MESSAGE", destination });
export const SUBSCRIBE = (destination: string): ImaginedMessage => ({ type: "SUBSCRIBE", destination });
export const rod: Principal = { name: "rod" };
export const staff = { name: "ann", roles: ["STAFF"], authorities: ["news:write"] };

/** Whether the rules grant it, and the number of the one that decided. */
export async function verdict(
  build: (messages: MessageMatchers) => unknown,
  [user, message, options]: [Principal | undefined, ImaginedMessage, MessageSecurityOptions?],
) {
  const { granted, rule } = await messageSecurity(build, options).decide(user, message);
  return `${granted ? "granted" : "denied"} by ${rule.split(" ", 1)}`;
}
