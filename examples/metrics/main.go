// Command metrics shows what happens in a store of keys as Prometheus metrics. It claims some keys in a SQLite database in
// memory, repeats some of them, and prints what a Prometheus server would scrape, or serves it with -listen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/goupsert/upsert/keys"
	"github.com/jmoiron/sqlx"
	_ "github.com/mattn/go-sqlite3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
)

func main() {
	listen := flag.String("listen", "", "address to serve /metrics on, as in localhost:9090; without it they are printed once")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "metrics claims and repeats some keys and shows the metrics of it.\n\nUsage: metrics [flags]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(context.Background(), *listen, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "metrics:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string, out io.Writer) error {
	registry := prometheus.NewRegistry()
	if err := work(ctx, registry); err != nil {
		return err
	}
	if listen == "" {
		return expose(registry, out)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	fmt.Fprintf(out, "serving http://%s/metrics\n", listen)
	return server.ListenAndServe()
}

// work is what a service would do: three requests, each sent twice, one key for two requests, and a collection.
func work(ctx context.Context, registry *prometheus.Registry) error {
	db, err := sqlx.Open("sqlite3", ":memory:")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection would have a database of its own
	store, err := keys.Open(ctx, db, keys.WithHooks(prometheusHooks(registry)), keys.Retention(time.Millisecond))
	if err != nil {
		return err
	}
	if err := store.Migrate(ctx); err != nil {
		return err
	}
	for _, amount := range []int{1, 2, 3, 1, 2, 3, 4} {
		k := keys.Key{Scope: "shop", Op: "payments.create", ID: fmt.Sprint(amount % 4)}
		if _, _, err := keys.Run(ctx, store, k, keys.Fingerprint{}, func(context.Context, *keys.Tx) (int, error) { return amount, nil }); err != nil {
			return err
		}
	}
	fp, err := keys.FingerprintOf("another request")
	if err != nil {
		return err
	}
	first, err := keys.FingerprintOf("a request")
	if err != nil {
		return err
	}
	k := keys.Key{Scope: "shop", Op: "payments.create", ID: "reused"}
	for _, f := range []keys.Fingerprint{first, fp} {
		_, _, err = keys.Run(ctx, store, k, f, func(context.Context, *keys.Tx) (int, error) { return 0, nil })
	}
	if !errors.Is(err, keys.ErrMismatch) {
		return fmt.Errorf("a key used for two requests: %w, want a mismatch", err)
	}
	for removed := int64(0); removed < 5; { // their retention is a millisecond
		n, err := store.GC(ctx)
		if err != nil {
			return err
		}
		removed += n
	}
	return nil
}

func expose(registry *prometheus.Registry, out io.Writer) error {
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(out, f); err != nil {
			return err
		}
	}
	return nil
}
