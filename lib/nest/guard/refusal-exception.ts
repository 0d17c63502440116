import {
  type ExecutionContext,
  ForbiddenException,
  type HttpException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';

/** What a refused client is told, over any transport. */
export interface Refusal {
  readonly statusCode: 401 | 403 | 503;
  readonly message: string;
  readonly reason?: 'login-required' | 'recent-login-required' | 'forbidden';
  readonly maxAgeSeconds?: number;
}

const KINDS = {
  401: { Exception: UnauthorizedException, error: 'Unauthorized', code: 'UNAUTHENTICATED' },
  403: { Exception: ForbiddenException, error: 'Forbidden', code: 'FORBIDDEN' },
  503: { Exception: ServiceUnavailableException, error: 'Service Unavailable', code: 'SERVICE_UNAVAILABLE' },
} as const;

/** A refusal as Nest's HTTP exception. */
export function httpRefusal({ statusCode, ...rest }: Refusal, cause?: unknown): HttpException {
  const { Exception, error } = KINDS[statusCode];
  return new Exception({ statusCode, error, ...rest }, cause === undefined ? undefined : { cause });
}

/** What an error of GraphQL says of a refusal beside its message. */
export function graphqlExtensions({ statusCode, message: _, ...rest }: Refusal): Readonly<Record<string, unknown>> {
  return { code: KINDS[statusCode].code, ...rest };
}

/**
 * A refusal as the context's own exception: an HTTP exception, with `extensions.code` under GraphQL, a `WsException` in
 * a gateway, an `RpcException` in a microservice.
 */
export async function refusalIn(context: ExecutionContext, refusal: Refusal, cause?: unknown): Promise<Error> {
  switch (context.getType<string>()) {
    case 'ws':
      return new (await import('@nestjs/websockets')).WsException({ status: 'error', ...refusal });
    case 'rpc':
      return new (await import('@nestjs/microservices')).RpcException({ status: 'error', ...refusal });
    case 'graphql': {
      // Every GraphQL server sends an error's `extensions`.
      return Object.assign(httpRefusal(refusal, cause), { extensions: graphqlExtensions(refusal) });
    }
    default:
      return httpRefusal(refusal, cause);
  }
}
