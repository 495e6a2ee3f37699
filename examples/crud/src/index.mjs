import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, ScanCommand } from "@aws-sdk/lib-dynamodb";

const table = DynamoDBDocumentClient.from(new DynamoDBClient());
const TableName = process.env.TABLE;

export const handler = async (event) => {
  const { method } = event.requestContext.http;
  const [, collection, id] = event.rawPath.split("/");
  console.log(`${method} ${event.rawPath}`);
  if (collection !== "notes") return answer(404, { error: "there is only /notes" });
  if (!id) return method === "GET" ? list() : answer(405, { error: "name a note: /notes/<id>" });
  switch (method) {
    case "GET":
      return read(id);
    case "PUT":
      return write(id, event);
    case "DELETE":
      return remove(id);
    default:
      return answer(405, { error: `${method} is not supported` });
  }
};

const answer = (statusCode, body) => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

async function list() {
  const { Items } = await table.send(new ScanCommand({ TableName }));
  return answer(200, Items);
}

async function read(id) {
  const { Item } = await table.send(new GetCommand({ TableName, Key: { id } }));
  return Item ? answer(200, Item) : answer(404, { error: `there is no note ${id}` });
}

async function write(id, event) {
  const body = event.isBase64Encoded ? Buffer.from(event.body, "base64").toString() : event.body;
  let note;
  try {
    note = JSON.parse(body);
  } catch {
    return answer(400, { error: "the body is not JSON" });
  }
  const Item = { ...note, id };
  const { Attributes } = await table.send(new PutCommand({ TableName, Item, ReturnValues: "ALL_OLD" }));
  return answer(Attributes ? 200 : 201, Item);
}

async function remove(id) {
  await table.send(new DeleteCommand({ TableName, Key: { id } }));
  return { statusCode: 204 };
}
