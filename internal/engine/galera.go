package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	galeraNodes   = 3
	galeraLibrary = "libgalera_smm.so"
)

// Cluster is a Galera cluster of a test's own: three nodes of MariaDB that all take writes.
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
	gcomm, ist, in int  // ports: of the group, of missed writes, of the whole data
	first          bool // it makes the cluster, and does not join one
}

// Galera starts a cluster, which ends with the test. It takes some ten seconds, so it is for long tests: it skips the test
// unless UPSERT_LONG is set or UPSERT_REQUIRE names galera, and where MariaDB, its Galera library or rsync is not to be had.
func Galera(t testing.TB) *Cluster {
	t.Helper()
	e := current.cluster
	e.once.Do(func() { e.version, e.skip = galeraVersion(e) })
	e.check(t)
	if !current.running() {
		t.Fatal(errNoRun)
	}
	c := &Cluster{t: t}
	c.program, c.library, _ = galeraPrograms() // e.once has seen them
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

// clusterEngine is what UPSERT_REQUIRE and UPSERT_HIDE know of Galera.
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
	for _, name := range []string{"rsync", "lsof"} { // a node that joins is sent the data with them
		if _, ok := firstProgram(inPath(name), "/usr/bin/"+name); !ok {
			return "", "", fmt.Errorf("no %s found", name)
		}
	}
	return program, library, nil
}

// ports are chosen before any node starts, because each is told where the others are.
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

// Nodes returns the nodes; the first made the cluster.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Namespace makes a namespace, which is on all nodes.
func (n *Node) Namespace(t testing.TB) *Namespace {
	t.Helper()
	return n.engine.Namespace(t)
}

// String returns the node's name.
func (n *Node) String() string { return n.engine.String() }

// On returns the namespace as it is seen through the node, which must live. It waits until the node has it, for the nodes are
// told of it one after the other, and no setting makes a connection wait for that.
func (n *Node) On(ns *Namespace) *Namespace {
	ns.t.Helper()
	ctx, cancel := context.WithTimeout(ns.t.Context(), startTimeout)
	defer cancel()
	if err := n.catchUp(ctx); err != nil {
		ns.t.Fatalf("engine %s: wait for the other nodes' writes: %v", n.engine.name, err)
	}
	return &Namespace{t: ns.t, engine: n.engine, name: ns.name}
}

// catchUp waits until the node has all that was committed on the others when it was called.
func (n *Node) catchUp(ctx context.Context) error {
	conn, err := n.engine.admin.Conn(ctx)
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
	if n.engine.server, n.engine.err = launch(ctx, n.engine.name, n.engine.starter, n.cluster.program); n.engine.err != nil {
		t.Fatalf("engine %s: %v", n.engine.name, n.engine.err)
	}
	t.Cleanup(func() {
		if err := n.engine.stop(); err != nil {
			t.Errorf("engine %s: %v", n.engine.name, err)
		}
	})
	n.engine.once.Do(func() {}) // it has started
	n.engine.base, n.first = n.engine.starter.dsn(n.engine.server.port), false
	if err := errors.Join(n.engine.connect(ctx), n.WaitSynced(ctx)); err != nil {
		t.Fatalf("engine %s: %v", n.engine.name, err)
	}
}

// Kill ends the node's process at once and returns when it has ended.
func (n *Node) Kill() error { return n.engine.server.kill() }

// Start brings a killed node back, on the same port, and returns when it is in step with the others, of which one at least
// must live.
func (n *Node) Start(ctx context.Context) error {
	if err := n.engine.server.serve(ctx, n.cluster.program); err != nil {
		return err
	}
	return n.WaitSynced(ctx)
}

// WaitSynced waits until the node says that it is in step with the others.
func (n *Node) WaitSynced(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		var name, state string
		err := n.engine.admin.QueryRowContext(ctx, "SHOW STATUS LIKE 'wsrep_local_state_comment'").Scan(&name, &state)
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

// galeraStarter starts a node as MariaDB is started.
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

// install leaves the folder of a node that joins empty: it gets the data from another.
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
