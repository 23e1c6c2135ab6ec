import type { Principal } from "express-stomp";

/** Someone who signed up. The name is what others see. */
export interface Member extends Principal {
  readonly id: number;
  readonly name: string;
}

export const MEMBER_NAME_LIMIT = 20;
export const PASSWORD_LIMITS = { min: 8, max: 200 } as const;
