/** An error as each service words it: S3 in XML, the others in JSON. */

export type ServiceAnswer = { readonly status: number; readonly body: string };

/** `code` is what the service itself calls it: `SlowDown`, `ThrottlingException`, … */
export function awsError(service: string, status: number, code: string, message: string): ServiceAnswer {
  const body =
    service === 's3'
      ? `<Error><Code>${code}</Code><Message>${message}</Message></Error>`
      : JSON.stringify({ __type: code, message });
  return { status, body };
}
