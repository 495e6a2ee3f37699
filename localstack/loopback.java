// Starts DynamoDB Local, which has no option for the address that it listens on, on loopback. PACKAGE is where its version
// keeps its classes.
//
// -Dadmin=PORT opens a port for what cannot be waited for in a test: POST /rollover closes the open shard of every stream,
// POST /dilate?HOURS makes all records older by that much.

import PACKAGE.local.main.ServerRunner;
import PACKAGE.local.server.DynamoDBProxyServer;
import PACKAGE.local.shared.access.AmazonDynamoDBLocal;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.InetSocketAddress;
import java.util.Map;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

class Loopback {
  public static void main(String[] args) throws Exception {
    DynamoDBProxyServer proxy = ServerRunner.createServerFromCommandLineArgs(args);
    Server server = (Server) field(proxy, "server");
    for (Connector connector : server.getConnectors()) {
      ((ServerConnector) connector).setHost("127.0.0.1");
    }
    proxy.start();
    if (Integer.getInteger("admin") != null) {
      administer(proxy, Integer.getInteger("admin"));
    }
    proxy.join();
  }

  /** LocalStack loads a patch as an agent, for tables with more than 20 indexes. This one patches nothing. */
  public static void premain(String args) {}

  static void administer(DynamoDBProxyServer proxy, int port) throws Exception {
    Object handler = field(field(proxy, "serverHandler"), "primaryHandler");
    Map<?, ?> databases = (Map<?, ?>) field(handler, "dbRequestHandlers");
    HttpServer admin = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    admin.createContext("/", exchange -> {
      int status = 200;
      String text = "";
      try {
        for (Object database : databases.values()) {
          command(exchange, (AmazonDynamoDBLocal) database);
        }
      } catch (Exception e) {
        status = 400;
        text = e + "\n";
      }
      answer(exchange, status, text);
    });
    admin.start();
  }

  static void command(HttpExchange exchange, AmazonDynamoDBLocal database) {
    switch (exchange.getRequestURI().getPath()) {
      case "/rollover" -> database.triggerShardRollovers();
      case "/dilate" -> database.dilateEventTimes(Long.parseLong(exchange.getRequestURI().getQuery()) * 3_600_000);
      default -> throw new IllegalArgumentException("there are /rollover and /dilate?HOURS");
    }
  }

  static void answer(HttpExchange exchange, int status, String text) throws IOException {
    exchange.sendResponseHeaders(status, text.isEmpty() ? -1 : text.length());
    exchange.getResponseBody().write(text.getBytes());
    exchange.close();
  }

  static Object field(Object of, String name) throws Exception {
    for (Class<?> c = of.getClass(); c != null; c = c.getSuperclass()) {
      try {
        Field field = c.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(of);
      } catch (NoSuchFieldException e) {
        continue; // a class above it may have it
      }
    }
    throw new NoSuchFieldException(name);
  }
}
