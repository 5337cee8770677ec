import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';

export interface HealthServer {
  readonly port: number;
  /** The services that were asked for, `''` for the whole server. */
  readonly asked: string[];
  serving: boolean;
  close(): void;
}

const bytes = (value: Buffer) => value;
const health: ServiceDefinition = {
  check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
};

/** A real gRPC server with grpc.health.v1.Health/Check. */
export async function startHealthServer(
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<HealthServer> {
  const server = new Server();
  const state = { asked: [] as string[], serving: true };
  server.addService(health, {
    check: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => {
      state.asked.push(serviceOf(call.request));
      done(null, Buffer.from([0x08, state.serving ? 1 : 2]));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return Object.assign(state, { port, close: () => server.forceShutdown() });
}

/** `HealthCheckRequest { string service = 1 }` with a length of one or two bytes. */
function serviceOf(request: Buffer): string {
  const start = (request[1] ?? 0) < 128 ? 2 : 3;
  return request.subarray(start).toString();
}
