package play

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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
func Main(in io.Reader, result *os.File) error {
	var job Job
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	syscall.CloseOnExec(int(result.Fd()))
	if err := node.Enter(job.Programs, job.Absent); err != nil {
		return err
	}
	if read, err := scenario.Parse(job.Path, job.Data); err == nil && read.Fault.Spec.Runtime.Systemd {
		return handOver(job, result)
	}
	return perform(job, result, nil)
}

// perform plays a job and writes the result. Boot starts systemd, if the
// machine has it.
func perform(job Job, out io.Writer, boot func() error) error {
	started := time.Now()
	result := Result{}
	if err := play(job, &result, boot); err != nil {
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
	boot    func() error // nil: no systemd
	result  *Result
}

func play(job Job, result *Result, boot func() error) error {
	s, err := newStage(job)
	if err != nil {
		return err
	}
	s.boot, s.result = boot, result
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := s.setUp(ctx); err != nil {
		return err
	}
	if err := s.explain(ctx, result); err != nil {
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
	if err := s.pullAgain(ctx, result); err != nil {
		return err
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
	if err := s.convert(ctx); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	if err := s.runtime.prepare(s.job.Used); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if err := s.startRuntime(ctx); err != nil {
		return err
	}
	if earlier := s.variant.Spec.Earlier; earlier != "" {
		if _, err := s.pull(ctx, earlier); err != nil {
			return err
		}
	}
	return s.later(ctx)
}

func (s *stage) startRuntime(ctx context.Context) error {
	if s.boot != nil {
		return s.runtime.boot(ctx, s.boot)
	}
	return s.runtime.start(ctx)
}

func (s *stage) writeFiles() error {
	files := base(s.runtime)
	if s.boot != nil {
		maps.Copy(files, unitFiles(s.runtime))
	}
	for name, data := range files {
		if err := put(name, data, s.fill); err != nil {
			return err
		}
	}
	if err := write(s.variant, "node", s.fill); err != nil {
		return err
	}
	if err := link(s.variant.Spec.Links); err != nil {
		return err
	}
	return protect(s.variant.Spec.Modes)
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
	for name, value := range s.variant.Spec.Sysctl {
		if err := node.Set(name, value); err != nil {
			return err
		}
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
