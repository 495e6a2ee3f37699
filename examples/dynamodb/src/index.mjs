// Plain Lambda handlers. Nothing in them depends on esm.

export const showChanges = async (event) => {
  for (const { eventName, dynamodb } of event.Records) {
    const { id, status, cents } = dynamodb.NewImage;
    if (!cents) throw new Error(`order ${id.S} has no price`);
    const before = dynamodb.OldImage ? `was ${dynamodb.OldImage.status.S}, ` : "";
    console.log(`${eventName} ${id.S}: ${before}is ${status.S}`);
  }
};

export const showNotices = async (event) => {
  for (const message of event.Records) {
    // A notice says where the records are, not what they hold. The stream keeps them for a day.
    const { requestContext: request, DDBStreamBatchInfo: batch } = JSON.parse(message.body);
    console.log(
      `given up after ${request.approximateInvokeCount} tries (${request.condition}): ` +
        `${batch.batchSize} record of ${batch.shardId}, number ${batch.startSequenceNumber}`,
    );
  }
};
