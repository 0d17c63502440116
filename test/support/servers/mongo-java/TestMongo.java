import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import org.h2.mvstore.MVStore;

/** A MongoDB-wire server for tests: `java TestMongo PORT FOLDER`. Prints `ready` once it listens. */
public final class TestMongo {
  /** What it says it is: driver 7 wants wire version 9, and 1.47 says 8. */
  private static final MongoVersion VERSION =
      new MongoVersion() {
        @Override
        public List<Integer> getVersionArray() {
          return List.of(4, 4, 0);
        }

        @Override
        public int getWireVersion() {
          return 9;
        }
      };

  /** One command at a time, each on disk before it is answered: what was acknowledged outlives a kill. */
  private static final class Backend extends H2Backend {
    Backend(String file) {
      super(new MVStore.Builder().fileName(file).autoCommitDisabled().open());
    }

    @Override
    public synchronized Document handleMessage(MongoMessage message) {
      try {
        return super.handleMessage(message);
      } finally {
        if (getMvStore().hasUnsavedChanges()) commit();
      }
    }
  }

  public static void main(String[] args) {
    Backend backend = new Backend(args[1] + "/mongo.mv");
    backend.version(VERSION);
    MongoServer server = new MongoServer(backend);
    server.bind("127.0.0.1", Integer.parseInt(args[0]));
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    System.out.println("ready");
  }
}
