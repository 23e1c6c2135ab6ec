import type { ChannelInterceptor } from "./interceptor.js";

/** Has the last word about what passes a channel. */
export type ChannelGuard = Required<Pick<ChannelInterceptor, "preSend" | "afterSendCompletion">>;

/** The interceptors of a channel, in their order: its guard stands behind all others, those that are added later too. */
export class Interceptors {
  /** As the other two, changed by `add` and `guardBy` alone. */
  all: readonly ChannelInterceptor[];
  /** Those that look at every handler. */
  around: readonly ChannelInterceptor[];
  guard: ChannelGuard | undefined;

  constructor(interceptors: readonly ChannelInterceptor[]) {
    this.all = [...interceptors];
    this.around = this.all.filter(looksAtHandlers);
  }

  add(interceptor: ChannelInterceptor): void {
    const others = this.all.filter((each) => each !== this.guard);
    this.all = [...others, interceptor, ...(this.guard ? [this.guard] : [])];
    this.around = others.concat(interceptor).filter(looksAtHandlers);
  }

  /** Whether any of them has a hook: where none has, its round is not begun. */
  have(hook: keyof ChannelInterceptor): boolean {
    for (const each of this.all) if (each[hook]) return true;
    return false;
  }

  guardBy(guard: ChannelGuard): void {
    this.guard = guard;
    this.all = [...this.all, guard];
  }
}

function looksAtHandlers(interceptor: ChannelInterceptor): boolean {
  return interceptor.beforeHandle !== undefined || interceptor.afterMessageHandled !== undefined;
}
