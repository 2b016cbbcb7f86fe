package engine

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	galeraNodes   = 3
	galeraLibrary = "libgalera_smm.so"
)

// Cluster is a Galera cluster for one test: three nodes of MariaDB that all accept writes.
type Cluster struct {
	t       testing.TB
	program string
	library string
	nodes   []*Node
}

// Node is one server of a cluster.
type Node struct {
	engine         *Engine
	cluster        *Cluster
	gcomm, ist, in int  // ports of group communication, of missed writes, of a full copy of the data
	first          bool // creates the cluster instead of joining it
}

// Galera starts a cluster that ends with the test. The start takes about ten seconds, so Galera is for long tests. Galera skips
// the test unless UPSERT_LONG is set or UPSERT_REQUIRE names galera. It also skips the test if MariaDB, the Galera library or
// rsync is not installed.
func Galera(t testing.TB) *Cluster {
	t.Helper()
	e := current.cluster
	e.state.once.Do(func() { e.state.version, e.state.skip = galeraVersion(e) })
	e.check(t)
	if !current.running() {
		t.Fatal(errNoRun)
	}
	c := &Cluster{t: t}
	c.program, c.library, _ = galeraPrograms() // galeraVersion has already called galeraPrograms without an error
	for i := range galeraNodes {
		c.nodes = append(c.nodes, &Node{engine: &Engine{
			name: fmt.Sprintf("galera%d", i+1), dialect: e.dialect, family: mysqlFamily{mariadb: true, keeps: true}, session: current,
		}, cluster: c, first: i == 0})
	}
	if err := c.ports(); err != nil {
		t.Fatalf("engine galera: %v", err)
	}
	for _, n := range c.nodes {
		n.launchNode(t)
	}
	return c
}

// clusterEngine returns the entry for Galera in UPSERT_REQUIRE and UPSERT_HIDE.
func clusterEngine() *Engine {
	return &Engine{
		name: "galera", dialect: "mariadb", family: mysqlFamily{mariadb: true}, offer: offerLong,
		hint: "install it (scripts/engines --long)",
	}
}

func galeraVersion(e *Engine) (version, skip string) {
	if e.session.hidden[e.name] {
		return "", "it is hidden by " + hideEnv
	}
	if why := e.withheld(); why != "" {
		return "", why
	}
	program, library, err := galeraPrograms()
	if err != nil {
		return "", fmt.Sprintf("%v; %s", err, e.hint)
	}
	version, err = versionOf(program)
	if err != nil {
		return "", fmt.Sprintf("%v; %s", err, e.hint)
	}
	return strings.TrimSpace(version) + " with " + library, ""
}

func galeraPrograms() (program, library string, err error) {
	if program, err = (mariadbStarter{}).find(); err != nil {
		return "", "", err
	}
	for _, path := range []string{"/usr/lib/galera/", "/usr/lib64/galera/", "/usr/lib64/galera-4/"} {
		if _, err := os.Stat(path + galeraLibrary); err == nil {
			library = path + galeraLibrary
		}
	}
	if library == "" {
		return "", "", errors.New("no " + galeraLibrary + " found")
	}
	for _, name := range []string{"rsync", "lsof"} { // a joining node receives the data through these programs
		if _, ok := firstProgram(inPath(name), "/usr/bin/"+name); !ok {
			return "", "", fmt.Errorf("no %s found", name)
		}
	}
	return program, library, nil
}

// ports chooses all ports before any node starts, because each node needs the addresses of the others.
func (c *Cluster) ports() (err error) {
	taken := map[int]bool{}
	for _, n := range c.nodes {
		for _, port := range []*int{&n.gcomm, &n.ist, &n.in} {
			for *port == 0 || taken[*port] {
				if *port, err = freePort(); err != nil {
					return err
				}
			}
			taken[*port] = true
		}
	}
	return nil
}

// Nodes returns the nodes. The first node created the cluster.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Namespace creates a namespace on all nodes.
func (n *Node) Namespace(t testing.TB) *Namespace {
	t.Helper()
	return n.engine.Namespace(t)
}

// String returns the node's name.
func (n *Node) String() string { return n.engine.String() }

// On returns the namespace as seen through the node, which must be running. On waits until the node has the namespace, because
// the nodes learn about a new namespace one after the other and no connection setting waits for that.
func (n *Node) On(ns *Namespace) *Namespace {
	ns.t.Helper()
	ctx, cancel := context.WithTimeout(ns.t.Context(), startTimeout)
	defer cancel()
	if err := n.catchUp(ctx); err != nil {
		ns.t.Fatalf("engine %s: wait for the other nodes' writes: %v", n.engine.name, err)
	}
	return &Namespace{t: ns.t, engine: n.engine, name: ns.name}
}

// catchUp waits until the node has everything that was committed on the other nodes before the call.
func (n *Node) catchUp(ctx context.Context) error {
	conn, err := n.engine.state.admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.ExecContext(ctx, "SET SESSION wsrep_sync_wait = 1")
	if err == nil {
		_, err = conn.ExecContext(ctx, "SELECT 1")
	}
	return err
}

// launchNode starts the node for the first time.
func (n *Node) launchNode(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	n.engine.starter = galeraStarter{node: n}
	if n.engine.state.server, n.engine.state.err = launch(ctx, n.engine.name, n.engine.starter, n.cluster.program); n.engine.state.err != nil {
		t.Fatalf("engine %s: %v", n.engine.name, n.engine.state.err)
	}
	t.Cleanup(func() {
		if err := n.engine.stop(); err != nil {
			t.Errorf("engine %s: %v", n.engine.name, err)
		}
	})
	n.engine.state.once.Do(func() {}) // marks the engine as started
	n.engine.state.base, n.first = n.engine.starter.dsn(n.engine.state.server.port), false
	if err := cmp.Or(n.connect(ctx), n.WaitSynced(ctx)); err != nil {
		t.Fatalf("engine %s: %v", n.engine.name, err)
	}
}

// connect connects to the node, and tries again if the node has closed the connection: a node that joins closes all connections when it
// begins to receive the data.
func (n *Node) connect(ctx context.Context) error {
	return poll(ctx, func() error {
		err := n.engine.connect(ctx)
		if errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) {
			_ = n.engine.state.admin.Close() // the next try opens another
			return errLocked
		}
		return err
	})
}

// Kill ends the node's process immediately and returns when the process has ended.
func (n *Node) Kill() error { return n.engine.state.server.kill() }

// Start restarts a killed node on the same port and returns when the node is in sync with the others. At least one other node
// must be running.
func (n *Node) Start(ctx context.Context) error {
	if err := n.engine.state.server.serve(ctx, n.cluster.program); err != nil {
		return err
	}
	return n.WaitSynced(ctx)
}

// WaitSynced waits until the node reports that it is in sync with the others.
func (n *Node) WaitSynced(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		var name, state string
		err := n.engine.state.admin.QueryRowContext(ctx, "SHOW STATUS LIKE 'wsrep_local_state_comment'").Scan(&name, &state)
		if err == nil && state == "Synced" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("node %s is %q, not Synced: %w", n.engine.name, state, errors.Join(err, ctx.Err()))
		case <-tick.C:
		}
	}
}

// galeraStarter starts a node in the same way as MariaDB.
type galeraStarter struct {
	mariadb mariadbStarter
	node    *Node
}

func (s galeraStarter) find() (string, error)      { return s.mariadb.find() }
func (s galeraStarter) dsn(port int) string        { return s.mariadb.dsn(port) }
func (s galeraStarter) driver() string             { return s.mariadb.driver() }
func (s galeraStarter) user() string               { return s.mariadb.user() }
func (s galeraStarter) stopSignal() syscall.Signal { return s.mariadb.stopSignal() }

func (s galeraStarter) dataFolder(ctx context.Context, db *sql.DB) (dir string, err error) {
	return s.mariadb.dataFolder(ctx, db)
}

// install leaves the folder of a joining node empty, because the node gets the data from another node.
func (s galeraStarter) install(program, data string) []string {
	if !s.node.first {
		return nil
	}
	return s.mariadb.install(program, data)
}

func (s galeraStarter) serve(program, dir, data string, port int) []string {
	n := s.node
	var others []string
	for _, other := range n.cluster.nodes {
		if other != n {
			others = append(others, fmt.Sprintf("127.0.0.1:%d", other.gcomm))
		}
	}
	args := append(s.mariadb.serve(program, dir, data, port),
		"--binlog-format=ROW", "--default-storage-engine=InnoDB", "--innodb-autoinc-lock-mode=2",
		"--wsrep-on=ON", "--wsrep-provider="+n.cluster.library, "--wsrep-cluster-name=upsert", "--wsrep-node-name="+n.engine.name,
		fmt.Sprintf("--wsrep-node-address=127.0.0.1:%d", n.gcomm),
		"--wsrep-sst-method=rsync", fmt.Sprintf("--wsrep-sst-receive-address=127.0.0.1:%d", n.in),
		fmt.Sprintf("--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:%d;ist.recv_addr=127.0.0.1:%d;gcache.size=16M;gcache.dir=%s",
			n.gcomm, n.ist, data),
	)
	if n.first {
		return append(args, "--wsrep-cluster-address=gcomm://", "--wsrep-new-cluster")
	}
	return append(args, "--wsrep-cluster-address=gcomm://"+strings.Join(others, ","))
}
