// A plain Lambda handler. On a FIFO queue it stops at the first failure and reports all that follows, so that the order
// within a group is kept.
export const handler = async (event) => {
  for (const [i, record] of event.Records.entries()) {
    const { step } = JSON.parse(record.body);
    try {
      console.log(`${record.attributes.MessageGroupId}: step ${step}`);
    } catch (error) {
      console.error(error);
      return { batchItemFailures: event.Records.slice(i).map((r) => ({ itemIdentifier: r.messageId })) };
    }
  }
  return { batchItemFailures: [] };
};
