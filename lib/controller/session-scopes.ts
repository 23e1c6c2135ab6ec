import { ConfigurationError, MessageHandlingError } from "../errors.js";
import { isSessionScoped, sessionScopedClasses } from "./class-decorators.js";
import type { ControllerContainer } from "./container.js";
import type { ControllerSource } from "./controller-source.js";
import { type Dependency, dependenciesOf, unknownDependency } from "./dependencies.js";
import { Container, type Newable } from "./inversify.js";

type Class = Newable<object>;

/** Where we have bound a refusal: containers may serve several messagings. */
const guarded = new WeakMap<ControllerContainer, WeakSet<object>>();

/**
 * Has what is under `@Scope("websocket")` made anew for each session: in a
 * child of the application's container, which is disposed when the session
 * ends, `@preDestroy` methods included.
 *
 * All else stays in the parent. A class of a session is refused there, so that
 * nothing that outlives a session can get hold of it.
 */
export class SessionScopes {
  readonly #container: ControllerContainer;
  readonly #classes = new Set<Class>();

  /** @throws ConfigurationError when the container itself has what is of sessions */
  constructor(container: ControllerContainer) {
    this.#container = container;
    for (const scoped of sessionScopedClasses()) guard(container, scoped);
  }

  /**
   * Has controllers of this class made for sessions.
   *
   * @throws ConfigurationError when what they need cannot be made
   */
  source(controllerClass: Class): ControllerSource {
    if (!isContainer(this.#container)) {
      throw new ConfigurationError(`@Scope of ${controllerClass.name} needs a Container of inversify 7 or 8`);
    }
    this.#add(controllerClass);
    const { name } = controllerClass;
    return {
      name,
      exemplar: controllerClass.prototype as object,
      controllerFor: ({ headers: { sessionId = "" } }, sessions) => {
        const child = sessions.of(sessionId)?.container(() => this.#child());
        if (!child) throw new MessageHandlingError(`${name} is of a session, and no session is connected`);
        return child.get(controllerClass);
      },
    };
  }

  #child(): Container {
    const ofTheirs = this.#container.constructor as typeof Container;
    const child = new ofTheirs({ parent: this.#container as Container });
    for (const scoped of this.#classes) child.bind(scoped).toSelf().inSingletonScope();
    return child;
  }

  /** Adds a class, and those of a session that it needs; all else that it needs is made, in the parent, now. */
  #add(scoped: Class): void {
    if (this.#classes.has(scoped)) return;
    this.#classes.add(scoped);

    for (const dependency of dependenciesOf(scoped)) {
      const { identifier } = dependency;
      if (isSessionScoped(identifier)) this.#add(identifier as Class);
      else this.#check(scoped, dependency);
    }
  }

  #check(scoped: Class, { identifier, all, ...options }: Dependency): void {
    const container = this.#container as Container;
    try {
      if (all) container.getAll(identifier, options);
      else if (container.isBound(identifier)) container.get(identifier, options);
      else container.get(identifier, { ...options, autobind: true });
    } catch (cause) {
      const unknown = typeof identifier === "function" ? unknownDependency(identifier as Class) : undefined;
      const reason = unknown ?? (cause instanceof Error ? cause.message : String(cause));
      throw new ConfigurationError(`${scoped.name} cannot be made for a session: ${reason}`, { cause });
    }
  }
}

function guard(container: ControllerContainer, scoped: Class): void {
  const classes = guarded.get(container) ?? new WeakSet();
  guarded.set(container, classes);
  if (classes.has(scoped)) return;

  if (container.isBound(scoped)) {
    throw new ConfigurationError(`${scoped.name} has @Scope("websocket"): leave it out of the container`);
  }
  classes.add(scoped);
  container.bind(scoped).toDynamicValue(() => {
    throw new Error(
      `${scoped.name} is of a session: only what has @Scope("websocket") too can have it injected`,
    );
  });
}

function isContainer(container: ControllerContainer): boolean {
  return container instanceof Container || "unbindAll" in container;
}
