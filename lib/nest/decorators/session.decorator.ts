import type { StandardSchemaV1 } from '@standard-schema/spec';
import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { SessionUnavailableError } from '../../common/errors.js';
import type { RequestSession } from '../../transports/http/request-session.js';
import { refusalIn } from '../guard/refusal-exception.js';
import { requestSessionOf } from '../request-of.js';
import type { Session as SessionType, SessionData } from '../../session/session-types.js';

type Pipe = Type<PipeTransform> | PipeTransform;
type KeyOf<D> = [keyof D] extends [never] ? string : Extract<keyof D, string>;

/** `@Session()` and `@Session('key', ...pipes)`. */
export interface SessionDecorator<D = SessionData> {
  /** The whole session. Pipes do not apply to it. */
  (): ParameterDecorator;
  /** One key of it. Pipes apply as to any parameter. */
  (key: KeyOf<D>, ...pipes: Pipe[]): ParameterDecorator;
  /**
   * The same decorator, typed by the keys of a schema, instead of by declaration merging:
   *
   * ```ts
   * export const AppSession = Session.of(schema);
   * export type AppSession = SessionOf<typeof schema>;
   * ```
   */
  of<S extends StandardSchemaV1>(schema: S): SessionDecorator<StandardSchemaV1.InferOutput<S>>;
}

/**
 * The session when it has been read. With `load: 'lazy'`, this reads it.
 *
 * @throws ServiceUnavailableException if the store failed and `onStoreError` is `fail`.
 */
export function sessionIn(context: ExecutionContext): object | undefined | Promise<object | undefined> {
  const request = requestSessionOf(context);
  const opening = request.open();
  return opening === undefined
    ? sessionOrRefusal(context, request)
    : opening.then(() => sessionOrRefusal(context, request));
}

/** Turns the engine's error into the exception of the context, so that filters handle it. */
function sessionOrRefusal(
  context: ExecutionContext,
  request: RequestSession,
): object | undefined | Promise<object | undefined> {
  try {
    return request.session;
  } catch (error) {
    if (!(error instanceof SessionUnavailableError)) throw error;
    return refusalIn(context, { statusCode: 503, message: error.message }, error.cause).then((refusal) => {
      throw refusal;
    });
  }
}

const parameter = createParamDecorator((key: string | undefined, context: ExecutionContext) => {
  const session = sessionIn(context);
  if (key === undefined) return session;
  return session instanceof Promise ? session.then((opened) => valueOf(opened, key)) : valueOf(session, key);
});

const valueOf = (session: object | undefined, key: string): unknown =>
  (session as Record<string, unknown> | undefined)?.[key];

const decorator = (key?: string, ...pipes: Pipe[]): ParameterDecorator => {
  const decorate = key === undefined ? parameter() : parameter(key, ...pipes);
  return (target, property, index) => {
    if (key === undefined) forgetType(target, property, index);
    decorate(target, property, index);
  };
};

/**
 * A parameter with the session, or one key of it. Also the type of a session.
 *
 * @example
 * ```ts
 * @Get() cart(@Session() session: Session) { return session.cart ?? []; }
 * ```
 */
export const Session: SessionDecorator = Object.assign(decorator, { of: () => Session });
export type Session<D = SessionData> = SessionType<D>;

/**
 * Compilers emit the parameter's class as metadata. A ValidationPipe would validate the session by it, or make a new
 * object.
 */
export function forgetType(target: object, property: string | symbol | undefined, index: number): void {
  if (property === undefined) return;
  const types = Reflect.getMetadata('design:paramtypes', target, property) as unknown[] | undefined;
  if (types === undefined || types[index] === undefined) return;
  const known = [...types];
  known[index] = Object;
  Reflect.defineMetadata('design:paramtypes', known, target, property);
}
