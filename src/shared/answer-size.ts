import type { CancelableRequest, Progress } from 'got';

/** Ends a request whose answer, uncompressed, is longer. Returns whether it did. */
export function cancelBeyond(
  request: CancelableRequest<unknown>,
  mostBytes: number,
): () => boolean {
  let isOver = false;
  void request.on('downloadProgress', ({ transferred }: Progress) => {
    if (isOver || transferred <= mostBytes) return;
    isOver = true;
    request.cancel();
  });
  return () => isOver;
}
