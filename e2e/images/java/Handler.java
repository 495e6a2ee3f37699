import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Arrays;
import java.util.Map;

/** A handler that does what the event says, like the handlers in the other languages beside it. */
public class Handler implements RequestHandler<Map<String, Object>, Object> {
    private int count;

    public Handler() {
        String init = System.getenv("INIT");
        if ("error".equals(init)) {
            throw new IllegalStateException("no beans at all");
        }
        if ("exit".equals(init)) {
            Runtime.getRuntime().halt(7);
        }
    }

    @Override
    public Object handleRequest(Map<String, Object> event, Context context) {
        count++;
        switch ((String) event.get("do")) {
            case "echo":
                return event.get("value");
            case "error":
                throw new IllegalArgumentException((String) event.get("text"));
            case "exit":
                Runtime.getRuntime().halt(number(event, "code").intValue());
                return null;
            case "sleep":
                sleep(number(event, "seconds").doubleValue());
                return null;
            case "size":
                return "x".repeat(number(event, "bytes").intValue() - "\"\"".length());
            case "environment":
                return System.getenv((String) event.get("name"));
            case "context":
                return Map.of(
                        "id", context.getAwsRequestId(),
                        "arn", context.getInvokedFunctionArn(),
                        "name", context.getFunctionName(),
                        "version", context.getFunctionVersion(),
                        "memory", context.getMemoryLimitInMB(),
                        "group", context.getLogGroupName(),
                        "stream", context.getLogStreamName(),
                        "remaining", context.getRemainingTimeInMillis(),
                        "trace", System.getProperty("com.amazonaws.xray.traceHeader", ""));
            case "count":
                return count;
            case "allocate":
                byte[] memory = new byte[number(event, "bytes").intValue()];
                Arrays.fill(memory, (byte) 1);
                return memory.length;
            default:
                throw new IllegalArgumentException("unknown: " + event.get("do"));
        }
    }

    private static Number number(Map<String, Object> event, String key) {
        return (Number) event.get(key);
    }

    private static void sleep(double seconds) {
        try {
            Thread.sleep((long) (seconds * 1000));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
