import type { Principal } from "express-stomp";

/** Someone with a login. The name is what others see. */
export interface Member extends Principal {
  readonly id: number;
  readonly name: string;
}

declare global {
  namespace Express {
    interface User extends Member {}
  }
}
