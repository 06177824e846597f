package play

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/node"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

// Main is the first process of a machine. It reads its job and writes what it
// saw; when it returns, the machine is gone.
func Main(in io.Reader, out io.Writer) error {
	var job Job
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	started := time.Now()
	result := Result{}
	err := node.Enter(job.Programs)
	if err == nil {
		err = play(job, &result)
	}
	if err != nil {
		result.Err = err.Error()
	}
	result.Took = time.Since(started)
	result.Logs = tails(node.Logs)
	return json.NewEncoder(out).Encode(result)
}

// stage is one machine while its variant is played.
type stage struct {
	job     Job
	variant scenario.Variant
	view    view
	runtime runtime
	image   string
}

func play(job Job, result *Result) error {
	s, err := newStage(job)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := s.setUp(ctx); err != nil {
		return err
	}
	if result.Pull, err = s.pull(ctx, s.image); err != nil {
		return err
	}
	result.Asked = tails(companyDir, internetDir)
	if job.Keep {
		if err := s.runtime.end(ctx, syscall.SIGTERM); err != nil {
			return err
		}
		result.Used, err = pack(s.runtime.data)
		return err
	}
	if !job.Doctor {
		return nil
	}
	return s.diagnose(ctx, result)
}

func newStage(job Job) (*stage, error) {
	read, err := scenario.Parse(job.Path, job.Data)
	if err != nil {
		return nil, err
	}
	s := &stage{job: job, variant: read.Fault, view: newView(job.Generation)}
	if job.Twin {
		s.variant = read.Twin
	}
	if s.image, err = s.fill(s.variant.Spec.Image); err != nil {
		return nil, err
	}
	s.runtime = newRuntime(job.Generation, s.variant.Spec.Runtime)
	return s, nil
}

// setUp does everything that came before the pull, in the order in which it
// happened on the node.
func (s *stage) setUp(ctx context.Context) error {
	if err := s.openWorld(ctx); err != nil {
		return fmt.Errorf("world: %w", err)
	}
	if err := s.writeFiles(); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if err := s.filter("nft/node", node.Filter); err != nil {
		return err
	}
	if err := s.runtime.prepare(s.job.Used); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if err := s.runtime.start(ctx); err != nil {
		return err
	}
	if earlier := s.variant.Spec.Earlier; earlier != "" {
		if _, err := s.pull(ctx, earlier); err != nil {
			return err
		}
	}
	return s.later(ctx)
}

func (s *stage) writeFiles() error {
	for name, data := range base(s.runtime) {
		if err := put(name, data, s.fill); err != nil {
			return err
		}
	}
	return write(s.variant, "node", s.fill)
}

// later is what happened after the runtime had started. A file counts as newer
// than a process only if the clock has moved on between them.
func (s *stage) later(ctx context.Context) error {
	for _, f := range s.variant.Files {
		if strings.HasPrefix(f.Name, "later/") {
			time.Sleep(1200 * time.Millisecond)
			break
		}
	}
	if err := write(s.variant, "later", s.fill); err != nil {
		return err
	}
	return s.runtime.afterStart(ctx)
}

func (s *stage) fill(text string) (string, error) { return render(text, s.view, readPEM) }

// filter loads the packet filter rules that a file of the variant holds.
func (s *stage) filter(name string, load func(string) error) error {
	for _, f := range s.variant.Files {
		if f.Name == name {
			rules, err := s.fill(f.Data)
			if err != nil {
				return err
			}
			if err := load(rules); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// tails returns the end of every log in some directories.
func tails(dirs ...string) map[string]string {
	out := map[string]string{}
	for _, dir := range dirs {
		names, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		for _, name := range names {
			if data, err := os.ReadFile(name); err == nil {
				out[strings.TrimSuffix(filepath.Base(name), ".log")] = string(data[max(0, len(data)-64<<10):])
			}
		}
	}
	return out
}
