// What the components share: a look at a terminal that stays true, and whether an element can be seen.
import { useEffect, useReducer, useState } from '/assets/htm.js'

/** Draws the component again whenever the terminal has changed. */
export function useTerminal (terminal) {
  const [, again] = useReducer(count => count + 1, 0)
  useEffect(() => terminal.subscribe(again), [terminal])
  return terminal
}

/** @returns whether the element of `ref` is on the screen, in a page that is not hidden. */
export function useVisible (ref) {
  const [inView, setInView] = useState(false)
  const [shown, setShown] = useState(!document.hidden)
  useEffect(() => {
    const observer = new window.IntersectionObserver(([entry]) => setInView(entry.isIntersecting))
    observer.observe(ref.current)
    const onChange = () => setShown(!document.hidden)
    document.addEventListener('visibilitychange', onChange)
    return () => {
      observer.disconnect()
      document.removeEventListener('visibilitychange', onChange)
    }
  }, [])
  return inView && shown
}
