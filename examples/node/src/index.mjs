// A plain Lambda handler. At the first failure it stops, and reports that message and all behind it: this keeps the order
// of a FIFO queue.
export const handler = async (event) => {
  for (const [i, record] of event.Records.entries()) {
    try {
      const { step } = JSON.parse(record.body);
      console.log(`${record.attributes.MessageGroupId}: step ${step}`);
    } catch (error) {
      console.error(error);
      return { batchItemFailures: event.Records.slice(i).map((r) => ({ itemIdentifier: r.messageId })) };
    }
  }
  return { batchItemFailures: [] };
};
