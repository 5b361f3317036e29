/** What keeps a person from reaching a deployed stack, in words that say what to do; these are the first calls, so that it shows here. */
import { UsageError } from './usage.ts';

const SET_REGION = 'set AWS_REGION, or a region in the profile';
const SIGN_IN = 'set AWS_PROFILE, sign in (aws sso login), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';

/** Undefined when it is something else. `region` is undefined when none is set. */
export function stackTrouble(error: unknown, stack: string, region: string | undefined): UsageError | undefined {
  if (region === undefined) return new UsageError(`no AWS region is set: ${SET_REGION}`);
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  switch (name) {
    case 'CredentialsProviderError':
      return new UsageError(`no AWS credentials: ${SIGN_IN} (${message})`);
    case 'ExpiredToken':
    case 'ExpiredTokenException':
      return new UsageError(`the AWS credentials have expired: sign in again (aws sso login)`);
    case 'InvalidClientTokenId':
    case 'UnrecognizedClientException':
    case 'SignatureDoesNotMatch':
      return new UsageError(`AWS does not know these credentials: ${SIGN_IN}`);
    case 'AccessDenied':
    case 'AccessDeniedException':
      return new UsageError(`the AWS credentials may not look at stack ${stack}: ${message}`);
    case 'ValidationError':
      if (!message.includes('does not exist')) return undefined;
      return new UsageError(
        `there is no stack ${stack} in ${region} with these credentials; is the region right (${SET_REGION}), and the account?`,
      );
    case 'TimeoutError':
      return new UsageError(`AWS in ${region} does not answer: ${message}; is the region right?`);
    default:
      return /ENOTFOUND|EAI_AGAIN/.test(message)
        ? new UsageError(`AWS in ${region} cannot be reached (${message}); is the region right?`)
        : undefined;
  }
}
